import { parseXml, XmlElement as ParsedElement } from "@rgrove/parse-xml";

import { asOmpError, ErrorCode, OmpError } from "../errors.ts";
import type { Vector } from "./rotation.ts";

/** One element of an XML file, read strictly: an attribute that is no number where one is needed is an error that names it. */
export class XmlElement {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];

  constructor(
    tag: string,
    attributes: Readonly<Record<string, string>>,
    children: readonly XmlElement[],
  ) {
    this.tag = tag;
    this.attributes = attributes;
    this.children = children;
  }

  /** The same element with attributes that hold where it does not say otherwise. */
  withDefaults(attributes: Readonly<Record<string, string>>): XmlElement {
    return new XmlElement(this.tag, { ...attributes, ...this.attributes }, this.children);
  }

  /** Child elements with a tag. */
  all(tag: string): readonly XmlElement[] {
    return this.children.filter((child) => child.tag === tag);
  }

  /** The first child element with a tag. */
  first(tag: string): XmlElement | undefined {
    return this.children.find((child) => child.tag === tag);
  }

  text(name: string): string | undefined {
    return this.attributes[name];
  }

  requiredText(name: string): string {
    const value = this.attributes[name];
    if (value !== undefined && value !== "") return value;
    throw new OmpError(ErrorCode.RobotModelInvalid, {
      what: `${this.#describe()} lacks the attribute ${name}`,
    });
  }

  /** `count` numbers separated by white space. */
  numbers(name: string, count: number): readonly number[] | undefined {
    const text = this.attributes[name];
    if (text === undefined) return undefined;
    const parts = text.trim().split(/\s+/);
    const numbers = parts.map(Number);
    if (numbers.length === count && numbers.every(Number.isFinite)) return numbers;
    throw this.refuse(name, `${count} numbers`);
  }

  number(name: string): number | undefined {
    return this.numbers(name, 1)?.[0];
  }

  vector(name: string): Vector | undefined {
    const [x = 0, y = 0, z = 0] = this.numbers(name, 3) ?? [];
    return this.attributes[name] === undefined ? undefined : [x, y, z];
  }

  /** The error for an attribute that is not what it should be. */
  refuse(name: string, expected: string): OmpError {
    return new OmpError(ErrorCode.RobotModelInvalid, {
      what: `${this.#describe()} has a ${name} that is not allowed`,
      observed: this.attributes[name] ?? "nothing",
      expected,
    });
  }

  #describe(): string {
    const name = this.attributes["name"];
    return name === undefined ? `<${this.tag}>` : `<${this.tag} name="${name}">`;
  }
}

/** @throws {OmpError} ROBOT_MODEL_INVALID for text that is no XML document */
export function parseXmlElement(text: string): XmlElement {
  let root: ParsedElement | null;
  try {
    ({ root } = parseXml(text));
  } catch (error) {
    throw asOmpError(error, ErrorCode.RobotModelInvalid, "the robot model is not XML");
  }
  if (root !== null) return fromParsed(root);
  throw new OmpError(ErrorCode.RobotModelInvalid, { what: "the robot model is empty" });
}

function fromParsed({ name, attributes, children }: ParsedElement): XmlElement {
  const elements = children.filter((child) => child instanceof ParsedElement);
  return new XmlElement(name, attributes, elements.map(fromParsed));
}

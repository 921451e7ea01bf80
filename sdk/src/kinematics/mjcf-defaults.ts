import { ErrorCode, OmpError } from "../errors.ts";
import type { XmlElement } from "./xml-element.ts";

type Attributes = Readonly<Record<string, string>>;

/** Attributes by tag. */
type Settings = ReadonlyMap<string, Attributes>;

/** The `<default>` classes of a MJCF file, each with everything that it inherits. */
export class MjcfDefaults {
  readonly #classes = new Map<string, Settings>();
  #root: Settings = new Map();

  constructor(mujoco: XmlElement) {
    for (const element of mujoco.all("default")) this.#root = this.#read(element, this.#root);
  }

  /**
   * The element with the attributes that its class sets where it does not say otherwise.
   *
   * @param childClass class of elements that name none, as the bodies around them say
   * @throws {OmpError} ROBOT_MODEL_INVALID for a class that does not exist
   */
  apply(element: XmlElement, childClass: string | undefined): XmlElement {
    const name = element.text("class") ?? childClass;
    const settings = name === undefined ? this.#root : this.#classes.get(name);
    if (settings !== undefined) return element.withDefaults(settings.get(element.tag) ?? {});
    throw new OmpError(ErrorCode.RobotModelInvalid, {
      what: `<${element.tag}> names the default class ${name}, which does not exist`,
      expected: [...this.#classes.keys()].join(", "),
    });
  }

  #read(element: XmlElement, inherited: Settings): Settings {
    const settings = new Map(inherited);
    for (const child of element.children) {
      if (child.tag === "default") continue;
      settings.set(child.tag, { ...settings.get(child.tag), ...child.attributes });
    }
    this.#classes.set(element.text("class") ?? "main", settings);
    for (const child of element.all("default")) this.#read(child, settings);
    return settings;
  }
}

import { ErrorCode, OmpError } from "../errors.ts";

/** A JSON object of unknown meaning. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the fields of one JSON object strictly: a missing, unknown or ill-typed key is an error that names the file and the path
 * of the key.
 */
export class JsonFields {
  readonly #value: JsonObject;
  readonly #file: string;
  readonly #path: string;
  readonly #code: ErrorCode;

  /**
   * @param path of the object inside `file`, empty for the root
   * @param code of every error
   */
  constructor(
    value: unknown,
    file: string,
    path: string = "",
    code: ErrorCode = ErrorCode.BundleInvalid,
  ) {
    this.#file = file;
    this.#path = path;
    this.#code = code;
    if (!isObject(value)) throw this.#invalid(path === "" ? "the root" : path, value, "an object");
    this.#value = value;
  }

  /** Refuses keys that are not in `known`, and an object that lacks one of them. */
  allow(...known: readonly string[]): this {
    return this.allowWithOptional(known, []);
  }

  /** Like `allow`, with keys that may be left out. */
  allowWithOptional(required: readonly string[], optional: readonly string[]): this {
    const known = [...required, ...optional];
    for (const key of Object.keys(this.#value)) {
      if (known.includes(key)) continue;
      throw new OmpError(this.#code, {
        what: `${this.#file} has the unknown key ${this.#at(key)}`,
        expected: known.join(", "),
      });
    }
    for (const key of required) this.#get(key);
    return this;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#value, key);
  }

  keys(): readonly string[] {
    return Object.keys(this.#value);
  }

  string(key: string): string {
    const value = this.#get(key);
    if (isText(value)) return value;
    throw this.refuse(key, value, "a string that is not empty");
  }

  literal<const Value extends string | number | boolean>(
    key: string,
    ...allowed: readonly Value[]
  ): Value {
    const value = this.#get(key);
    const found = allowed.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    throw this.refuse(key, value, allowed.map((one) => JSON.stringify(one)).join(" or "));
  }

  /** A finite number in [min, max]. */
  number(key: string, min: number = -Number.MAX_VALUE, max: number = Number.MAX_VALUE): number {
    const value = this.#get(key);
    if (isNumber(value) && value >= min && value <= max) return value;
    throw this.refuse(key, value, rangeText("a number", min, max));
  }

  integer(key: string, min: number, max: number): number {
    const value = this.#get(key);
    if (isNumber(value) && Number.isInteger(value) && value >= min && value <= max) return value;
    throw this.refuse(key, value, rangeText("an integer", min, max));
  }

  /** Finite numbers. */
  numbers(key: string): readonly number[] {
    const value = this.#get(key);
    if (Array.isArray(value) && value.every(isNumber)) return value;
    throw this.refuse(key, value, "an array of finite numbers");
  }

  /** A tensor shape: 1 to 4 dimensions of 1 to 2^20. */
  shape(key: string): readonly number[] {
    const value = this.numbers(key);
    const valid = value.every((size) => Number.isInteger(size) && size >= 1 && size <= 2 ** 20);
    if (valid && value.length >= 1 && value.length <= 4) return value;
    throw this.refuse(key, value, "1 to 4 positive integers");
  }

  strings(key: string): readonly string[] {
    const value = this.#get(key);
    if (Array.isArray(value) && value.every(isText)) return value;
    throw this.refuse(key, value, "an array of strings");
  }

  object(key: string): JsonFields {
    return new JsonFields(this.#get(key), this.#file, this.#at(key), this.#code);
  }

  /** An object that is kept as it is. */
  free(key: string): JsonObject {
    return this.object(key).#value;
  }

  /** At least one object. */
  objects(key: string): readonly JsonFields[] {
    const objects = this.anyObjects(key);
    if (objects.length > 0) return objects;
    throw this.refuse(key, objects, "an array of at least one object");
  }

  /** Any number of objects. */
  anyObjects(key: string): readonly JsonFields[] {
    const value = this.#get(key);
    if (Array.isArray(value)) {
      return value.map(
        (one, i) => new JsonFields(one, this.#file, `${this.#at(key)}[${i}]`, this.#code),
      );
    }
    throw this.refuse(key, value, "an array of objects");
  }

  /** `items` that were read from `key`, none of which may have the name of another one. */
  unique<Named extends { readonly name: string }>(
    key: string,
    items: readonly Named[],
  ): readonly Named[] {
    const names = items.map(({ name }) => name);
    if (new Set(names).size === names.length) return items;
    throw this.refuse(key, names, "every name once");
  }

  /** The error for a value that is not what it should be. */
  refuse(key: string, observed: unknown, expected: string): OmpError {
    return this.#invalid(this.#at(key), observed, expected);
  }

  #get(key: string): unknown {
    if (Object.hasOwn(this.#value, key)) return this.#value[key];
    throw new OmpError(this.#code, {
      what: `${this.#file} lacks the key ${this.#at(key)}`,
      next: "Make the file again with the tool that wrote it; keys are never guessed.",
    });
  }

  #at(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }

  #invalid(path: string, observed: unknown, expected: string): OmpError {
    const text = JSON.stringify(observed) ?? "nothing";
    return new OmpError(this.#code, {
      what: `${this.#file}: ${path} is not allowed`,
      observed: text.length > 80 ? `${text.slice(0, 80)}…` : text,
      expected,
    });
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function rangeText(kind: string, min: number, max: number): string {
  if (min === -Number.MAX_VALUE && max === Number.MAX_VALUE) return `${kind}, finite`;
  return max === Number.MAX_VALUE ? `${kind} of at least ${min}` : `${kind} from ${min} to ${max}`;
}

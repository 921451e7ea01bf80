import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";

/**
 * Reads the fields of one JSON object of a fleet message: a missing, ill-typed or out-of-range key is an INVALID_ARGUMENT error
 * that names it. Keys that are not asked for are ignored, so that a newer sender can add some.
 */
export class MessageFields {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;

  /** @param path of the object inside the message, "payload" for the root */
  constructor(value: unknown, path: string) {
    this.#path = path;
    if (!isObject(value)) throw invalid(path, value, "an object");
    this.#value = value;
  }

  /** Refuses an object with a key that is not in `known`. */
  allow(known: readonly string[]): void {
    const unknown = Object.keys(this.#value).find((key) => !known.includes(key));
    if (unknown === undefined) return;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `${this.#path} has a key that is not known`,
      observed: JSON.stringify(unknown.slice(0, 60)),
    });
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#value, key);
  }

  /** Anything, unread. */
  value(key: string): unknown {
    return this.#get(key);
  }

  string(key: string, maxLength: number): string {
    const value = this.#get(key);
    if (typeof value === "string" && value.length <= maxLength) return value;
    throw this.#invalid(key, value, `a string of at most ${maxLength} characters`);
  }

  matching(key: string, pattern: RegExp): string {
    const value = this.#get(key);
    if (typeof value === "string" && pattern.test(value)) return value;
    throw this.#invalid(key, value, `a string like ${pattern.source}`);
  }

  /** Strings of one form. */
  names(key: string, maxLength: number, pattern: RegExp): readonly string[] {
    const value: unknown = this.#get(key);
    const isName = (one: unknown): one is string => typeof one === "string" && pattern.test(one);
    if (Array.isArray(value) && value.length <= maxLength && value.every(isName)) return value;
    throw this.#invalid(key, value, `at most ${maxLength} strings like ${pattern.source}`);
  }

  literal<const Value extends string>(key: string, allowed: readonly Value[]): Value {
    const value = this.#get(key);
    const found = allowed.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    throw this.#invalid(key, value, `one of ${allowed.join(", ")}`);
  }

  boolean(key: string): boolean {
    const value = this.#get(key);
    if (typeof value === "boolean") return value;
    throw this.#invalid(key, value, "true or false");
  }

  /** A counter: an integer from `min`. */
  count(key: string, min: number = 0): number {
    const value = this.#get(key);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
    throw this.#invalid(key, value, `an integer of at least ${min}`);
  }

  number(key: string): number {
    const value = this.#get(key);
    if (isFinite(value)) return value;
    throw this.#invalid(key, value, "a number");
  }

  /** A span of at least 0 ms; null reads as NaN, "not measured". */
  spanMs(key: string): number {
    const value = this.#get(key);
    if (value === null) return Number.NaN;
    if (isFinite(value) && value >= 0) return value;
    throw this.#invalid(key, value, "milliseconds of at least 0, or null");
  }

  /** Null elements read as NaN, "not measured". */
  numbers(key: string, maxLength: number): readonly number[] {
    const value: unknown = this.#get(key);
    if (Array.isArray(value) && value.length <= maxLength && value.every(isFiniteOrNull)) {
      return value.map((one) => one ?? Number.NaN);
    }
    throw this.#invalid(key, value, `at most ${maxLength} numbers or nulls`);
  }

  /** Numbers by names of the sender's own. */
  namedNumbers(key: string, maxCount: number): Readonly<Record<string, number>> {
    const entries = Object.entries(this.scalars(key, maxCount));
    const numbers = entries.filter((entry): entry is [string, number] => isFinite(entry[1]));
    if (numbers.length === entries.length) return Object.fromEntries(numbers);
    throw this.#invalid(key, this.#get(key), `at most ${maxCount} numbers`);
  }

  /** Text by names of the sender's own. */
  strings(key: string, maxCount: number): Readonly<Record<string, string>> {
    const entries = Object.entries(this.scalars(key, maxCount));
    const texts = entries.filter((entry): entry is [string, string] => {
      return typeof entry[1] === "string" && entry[1].length <= 200;
    });
    if (texts.length === entries.length) return Object.fromEntries(texts);
    throw this.#invalid(key, this.#get(key), `at most ${maxCount} strings of 200 characters`);
  }

  /** Flat fields: strings, numbers and booleans. */
  scalars(key: string, maxCount: number): Readonly<Record<string, string | number | boolean>> {
    const value = this.#get(key);
    if (isObject(value)) {
      const entries = Object.entries(value);
      if (entries.length <= maxCount && entries.every(isScalarEntry)) {
        return Object.fromEntries(entries.filter(isScalarEntry));
      }
    }
    throw this.#invalid(key, value, `at most ${maxCount} strings, numbers or booleans`);
  }

  /** Undefined for null. */
  objectOrNull(key: string): MessageFields | undefined {
    const value = this.#get(key);
    return value === null ? undefined : new MessageFields(value, `${this.#path}.${key}`);
  }

  objects(key: string, maxLength: number): readonly MessageFields[] {
    const value = this.#get(key);
    if (Array.isArray(value) && value.length <= maxLength) {
      return value.map((one, i) => new MessageFields(one, `${this.#path}.${key}[${i}]`));
    }
    throw this.#invalid(key, value, `at most ${maxLength} objects`);
  }

  #get(key: string): unknown {
    if (Object.hasOwn(this.#value, key)) return this.#value[key];
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `${this.#path}.${key} is missing`,
    });
  }

  #invalid(key: string, observed: unknown, expected: string): OmpError {
    return invalid(`${this.#path}.${key}`, observed, expected);
  }
}

function invalid(path: string, observed: unknown, expected: string): OmpError {
  const text = JSON.stringify(observed) ?? "nothing";
  return new OmpError(ErrorCode.InvalidArgument, {
    what: `${path} is not allowed`,
    observed: text.length > 60 ? `${text.slice(0, 60)}…` : text,
    expected,
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFinite(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isFiniteOrNull(value: unknown): value is number | null {
  return value === null || isFinite(value);
}

function isScalarEntry(entry: [string, unknown]): entry is [string, string | number | boolean] {
  const [, value] = entry;
  return typeof value === "string" || typeof value === "boolean" || isFinite(value);
}

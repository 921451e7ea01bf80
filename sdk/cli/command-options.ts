import { parseArgs, type ParseArgsConfig } from "node:util";

import { ErrorCode, OmpError } from "../src/errors.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** The options and operands of one call. */
export interface ParsedCommand {
  /** The last value given, or undefined. */
  text(name: string): string | undefined;
  /** All values given of an option with `multiple`, in order. */
  texts(name: string): readonly string[];
  /** As `texts`. @throws {OmpError} INVALID_ARGUMENT when there is none */
  requiredTexts(name: string): readonly string[];
  /** @throws {OmpError} INVALID_ARGUMENT when the option is missing */
  requiredText(name: string): string;
  /** @throws {OmpError} INVALID_ARGUMENT when the value is no integer in [min, max] */
  integer(name: string, fallback: number, min: number, max: number): number;
  /** @throws {OmpError} INVALID_ARGUMENT when the value is none of `allowed` */
  choice(name: string, allowed: readonly string[]): string | undefined;
  flag(name: string): boolean;
  readonly operands: readonly string[];
}

/**
 * Reads a command's arguments.
 *
 * @param options as of `node:util` parseArgs
 * @param operandNames what stands without an option, in order, for messages; "[NAME]" may be left out and stands last,
 *   "NAME..." stands last and may be repeated
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function parseCommand(
  args: readonly string[],
  options: Options,
  operandNames: readonly string[] = [],
): ParsedCommand {
  const { values, positionals } = parse(args, options);
  const required = operandNames.filter((name) => !name.startsWith("["));
  const most = operandNames.at(-1)?.endsWith("...") === true ? Infinity : operandNames.length;
  if (positionals.length < required.length || positionals.length > most) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "the call does not fit the command",
      observed: positionals.length === 0 ? "nothing" : positionals.join(" "),
      expected: operandNames.length === 0 ? "options only" : operandNames.join(" "),
      next: "--help tells more.",
    });
  }
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const texts = (name: string): string[] => {
    const given = values[name];
    return Array.isArray(given) ? given.map(String) : [];
  };
  return {
    operands: positionals,
    text,
    texts,
    requiredTexts(name) {
      const given = texts(name);
      if (given.length > 0) return given;
      throw missing(name);
    },
    flag: (name) => values[name] === true,
    requiredText(name) {
      const value = text(name);
      if (value !== undefined) return value;
      throw missing(name);
    },
    integer(name, fallback, min, max) {
      const given = text(name);
      if (given === undefined) return fallback;
      const value = Number(given);
      if (/^-?\d+$/.test(given) && value >= min && value <= max) return value;
      throw refuse(name, given, `an integer from ${min} to ${max}`);
    },
    choice(name, allowed) {
      const given = text(name);
      if (given === undefined || allowed.includes(given)) return given;
      throw refuse(name, given, allowed.join(" or "));
    },
  };
}

function parse(
  args: readonly string[],
  options: Options,
): { values: Readonly<Record<string, unknown>>; positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: error instanceof Error ? error.message.replace(/\.$/, "") : String(error),
      next: "--help tells more.",
      cause: error,
    });
  }
}

function missing(name: string): OmpError {
  return new OmpError(ErrorCode.InvalidArgument, {
    what: `--${name} is missing`,
    next: "--help tells more.",
  });
}

function refuse(name: string, observed: string, expected: string): OmpError {
  return new OmpError(ErrorCode.InvalidArgument, {
    what: `--${name} is not allowed`,
    observed,
    expected,
  });
}

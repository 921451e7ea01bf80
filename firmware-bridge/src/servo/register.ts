import { OmpError } from "../../../sdk/src/errors.ts";

/** One register of a servo's control table. Little-endian. */
export interface Register {
  readonly address: number;
  readonly bytes: 1 | 2 | 4;
  /** `twos`: two's complement. A number: sign and magnitude, the sign in that bit. Left out: never negative. */
  readonly sign?: "twos" | number;
  /** EEPROM is written only while torque is off, and wears out. */
  readonly memory: "eeprom" | "ram";
  /** What one count is, for example `{ value: 0.1, unit: "V" }`. Left out where a count is a code. */
  readonly lsb?: { readonly value: number; readonly unit: string };
}

/** The register's value in counts; `bytes[at]` is its first byte. */
export function readRegister(register: Register, bytes: ArrayLike<number>, at: number = 0): number {
  const width = 8 * register.bytes;
  let raw = 0;
  for (let i = register.bytes - 1; i >= 0; i--) raw = raw * 256 + (bytes[at + i] ?? 0);
  if (register.sign === "twos") return raw >= 2 ** (width - 1) ? raw - 2 ** width : raw;
  if (register.sign === undefined) return raw;
  const signValue = 2 ** register.sign;
  return raw & signValue ? -(raw & (signValue - 1)) : raw;
}

/**
 * Writes `value`, counts, to `out[at …]`.
 *
 * @throws {OmpError} INVALID_ARGUMENT when the register cannot hold it
 */
export function writeRegister(
  register: Register,
  value: number,
  out: Uint8Array,
  at: number = 0,
): void {
  const { min, max } = registerRange(register);
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new OmpError("INVALID_ARGUMENT", {
      what: `register ${register.address} cannot hold the value`,
      observed: `${value}`,
      expected: `a whole number from ${min} to ${max}`,
    });
  }
  let raw = value;
  if (value < 0) {
    raw = register.sign === "twos" ? value + 2 ** (8 * register.bytes) : signBit(register) - value;
  }
  for (let i = 0; i < register.bytes; i++) {
    out[at + i] = raw % 256;
    raw = Math.floor(raw / 256);
  }
}

/** The register's bytes for `value`, counts. */
export function registerBytes(register: Register, value: number): Uint8Array {
  const bytes = new Uint8Array(register.bytes);
  writeRegister(register, value, bytes);
  return bytes;
}

/** What the register's bits can hold; a servo may allow less. */
export function registerRange(register: Register): { readonly min: number; readonly max: number } {
  const span = 2 ** (8 * register.bytes);
  if (register.sign === undefined) return { min: 0, max: span - 1 };
  if (register.sign === "twos") return { min: -span / 2, max: span / 2 - 1 };
  const max = signBit(register) - 1;
  return { min: -max, max };
}

function signBit({ sign }: Register): number {
  return typeof sign === "number" ? 2 ** sign : 0;
}

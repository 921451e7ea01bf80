/**
 * MessagePack with numpy arrays, as `openpi_client.msgpack_numpy` writes it: an array is a map whose keys are BINARY,
 * `{b"__ndarray__": true, b"data", b"dtype", b"shape"}`, a numpy scalar `{b"__npgeneric__": true, b"data", b"dtype"}`.
 * With text keys Python would leave a plain dict, so a general MessagePack library does not do.
 */
import { asOmpError, ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import { NdArray } from "./nd-array.ts";

/** What a message is made of. Integers are exact up to 2^53 - 1; a numpy scalar arrives as the number or boolean it is. */
export type Packed =
  null | boolean | number | string | Uint8Array | NdArray | readonly Packed[] | PackedMap;
export type PackedMap = ReadonlyMap<string, Packed>;

const MAX_DEPTH = 16;
/** A value may be one byte and becomes several times that; arrays are one value each, however long. */
const MAX_VALUES = 1_000_000;
const NDARRAY = "__ndarray__";
const SCALAR = "__npgeneric__";

/**
 * Reads one message.
 *
 * @throws {OmpError} INVALID_OBSERVATION for bytes that are no such message: cut short or with bytes left over, deeper than
 *   16, more than a million values, an extension type, a key that is neither text nor part of an array, a key twice, an integer past 2^53
 */
export function unpack(bytes: Uint8Array): Packed {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.left !== 0) throw refuse(`${reader.left} bytes after the end of the message`);
  return value;
}

/** Writes one message, every value in its shortest form; a number that is an integer becomes one. */
export function pack(value: Packed): Uint8Array {
  const writer = new Writer();
  writer.value(value);
  return writer.finish();
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  value(depth: number): Packed {
    if (depth > MAX_DEPTH) throw refuse(`values nested deeper than ${MAX_DEPTH}`);
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw refuse(`more than ${MAX_VALUES} values`);
    const code = this.#uint(1);
    if (code <= 0x7f) return code;
    if (code <= 0x8f) return this.#map(code & 0x0f, depth);
    if (code <= 0x9f) return this.#array(code & 0x0f, depth);
    if (code <= 0xbf) return this.#text(code & 0x1f);
    if (code >= 0xe0) return code - 0x100;
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return code === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#uint(1 << (code - 0xc4)));
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.#uint(1 << (code - 0xcc));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return exact(Number(this.#view.getBigInt64(this.#skip(8))));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (code - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(code === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(code === 0xde ? 2 : 4), depth);
      default:
        throw refuse(`type byte 0x${code.toString(16)}`);
    }
  }

  /** The offset of the next `count` bytes, which are then behind us. */
  #skip(count: number): number {
    if (count > this.left) throw refuse(`${this.left} bytes where ${count} are announced`);
    this.#at += count;
    return this.#at - count;
  }

  #take(count: number): Uint8Array {
    const start = this.#skip(count);
    return this.#bytes.subarray(start, start + count);
  }

  #uint(bytes: number): number {
    const at = this.#skip(bytes);
    if (bytes === 1) return this.#view.getUint8(at);
    if (bytes === 2) return this.#view.getUint16(at);
    if (bytes === 4) return this.#view.getUint32(at);
    return exact(Number(this.#view.getBigUint64(at)));
  }

  #text(length: number): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#take(length));
    } catch (error) {
      throw asOmpError(error, ErrorCode.InvalidObservation, "a text of the message is not UTF-8");
    }
  }

  /** Elements take a byte at least, so that an announced length never allocates more than has arrived. */
  #array(length: number, depth: number): Packed[] {
    if (length > this.left) throw refuse(`${length} elements in ${this.left} bytes`);
    return Array.from({ length }, () => this.value(depth + 1));
  }

  #map(length: number, depth: number): Packed {
    if (length * 2 > this.left) throw refuse(`${length} entries in ${this.left} bytes`);
    const map = new Map<string, Packed>();
    let binaryKeys = 0;
    for (let i = 0; i < length; i += 1) {
      const key = this.value(depth + 1);
      if (key instanceof Uint8Array) binaryKeys += 1;
      const name = key instanceof Uint8Array ? new TextDecoder("latin1").decode(key) : key;
      if (typeof name !== "string") throw refuse("a key that is no text");
      if (map.has(name)) throw refuse(`key ${name} twice`);
      map.set(name, this.value(depth + 1));
    }
    if (binaryKeys === 0) return map;
    if (binaryKeys !== length) throw refuse("binary and text keys in one map");
    return fromNumpy(map);
  }
}

function fromNumpy(map: PackedMap): Packed {
  const dtype = map.get("dtype");
  const data = map.get("data");
  if (map.get(SCALAR) === true && (typeof data === "number" || typeof data === "boolean")) {
    return data;
  }
  const shape = map.get("shape");
  const isArray = map.get(NDARRAY) === true && typeof dtype === "string" && Array.isArray(shape);
  if (!isArray || !(data instanceof Uint8Array)) {
    throw refuse(`a map with the binary keys ${[...map.keys()].join(", ")}`);
  }
  return new NdArray(
    dtype,
    shape.map((dim: Packed) => (typeof dim === "number" ? dim : Number.NaN)),
    data,
  );
}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  value(value: Packed): void {
    if (value === null) this.#uint(0xc0, 1);
    else if (typeof value === "boolean") this.#uint(value ? 0xc3 : 0xc2, 1);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (value instanceof NdArray) this.#ndArray(value);
    else if (isMap(value)) {
      this.#head(value.size, [0x80, 16], [undefined, 0xde, 0xdf]);
      for (const [key, entry] of value) {
        this.#text(key);
        this.value(entry);
      }
    } else {
      this.#head(value.length, [0x90, 16], [undefined, 0xdc, 0xdd]);
      for (const element of value) this.value(element);
    }
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#uint(0xcb, 1);
      const at = this.#grow(8);
      this.#view.setFloat64(at, value);
    } else if (value >= 0) {
      this.#head(value, [0x00, 128], [0xcc, 0xcd, 0xce, 0xcf]);
    } else if (value >= -32) this.#uint(value + 0x100, 1);
    else {
      const step = [2 ** 7, 2 ** 15, 2 ** 31].findIndex((limit) => value >= -limit);
      const bytes = step < 0 ? 8 : 1 << step;
      this.#uint(step < 0 ? 0xd3 : 0xd0 + step, 1);
      this.#uint(step < 0 ? value : value + 2 ** (8 * bytes), bytes);
    }
  }

  #text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.#head(bytes.length, [0xa0, 32], [0xd9, 0xda, 0xdb]);
    this.#raw(bytes);
  }

  #binary(bytes: Uint8Array): void {
    this.#head(bytes.length, [0, 0], [0xc4, 0xc5, 0xc6]);
    this.#raw(bytes);
  }

  #ndArray({ data, dtype, shape }: NdArray): void {
    const entries = { [NDARRAY]: true, data, dtype, shape };
    this.#uint(0x84, 1);
    for (const [key, entry] of Object.entries(entries)) {
      this.#binary(new TextEncoder().encode(key));
      this.value(entry);
    }
  }

  /** A type byte with its number: inside it below `fixed[1]`, else in 1, 2, 4 or 8 bytes behind the code of that size. */
  #head(
    count: number,
    fixed: readonly [number, number],
    codes: readonly (number | undefined)[],
  ): void {
    if (count < fixed[1]) {
      this.#uint(fixed[0] + count, 1);
      return;
    }
    const step = codes.findIndex((code, i) => code !== undefined && count < 2 ** (8 << i));
    this.#uint(codes[step] ?? 0, 1);
    this.#uint(count, 1 << step);
  }

  #uint(value: number, bytes: number): void {
    const at = this.#grow(bytes);
    if (bytes === 1) this.#view.setUint8(at, value);
    else if (bytes === 2) this.#view.setUint16(at, value);
    else if (bytes === 4) this.#view.setUint32(at, value);
    else this.#view.setBigInt64(at, BigInt(value));
  }

  #raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** The offset of `count` new bytes. May replace the view. */
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

function isMap(value: readonly Packed[] | PackedMap): value is PackedMap {
  return value instanceof Map;
}

function exact(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw refuse(`an integer past 2^53: ${value}`);
}

function refuse(observed: string): OmpError {
  return new OmpError(ErrorCode.InvalidObservation, {
    what: "the message is not MessagePack as this server reads it",
    observed,
  });
}

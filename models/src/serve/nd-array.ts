import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";

interface ElementType {
  readonly bytes: number;
  readonly read: (view: DataView, offset: number, littleEndian: boolean) => number;
}

/** By kind and size, as numpy's `dtype.str` says them after the byte order. */
const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  ["b1", { bytes: 1, read: (view, at) => view.getUint8(at) }],
  ["u1", { bytes: 1, read: (view, at) => view.getUint8(at) }],
  ["u2", { bytes: 2, read: (view, at, little) => view.getUint16(at, little) }],
  ["u4", { bytes: 4, read: (view, at, little) => view.getUint32(at, little) }],
  ["u8", { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) }],
  ["i1", { bytes: 1, read: (view, at) => view.getInt8(at) }],
  ["i2", { bytes: 2, read: (view, at, little) => view.getInt16(at, little) }],
  ["i4", { bytes: 4, read: (view, at, little) => view.getInt32(at, little) }],
  ["i8", { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) }],
  ["f4", { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) }],
  ["f8", { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) }],
]);

const MAX_DIMENSIONS = 8;

/** A numpy array as it travels: raw bytes in C order, and what they are. */
export class NdArray {
  /** numpy's `dtype.str`: byte order `<`, `>` or `|`, then kind and bytes an element, for example `<f4`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
  /** Product of `shape`. */
  readonly size: number;

  /** @throws {OmpError} INVALID_OBSERVATION for a type that is not a number, or when shape and data do not fit */
  constructor(dtype: string, shape: readonly number[], data: Uint8Array) {
    const type = elementTypes.get(dtype.slice(1));
    if (type === undefined || !"<>|".includes(dtype.charAt(0))) {
      throw refuse(
        "an array's element type is not supported",
        dtype,
        [...elementTypes.keys()].join(", "),
      );
    }
    const isShape =
      shape.length <= MAX_DIMENSIONS && shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (!isShape || size * type.bytes !== data.length) {
      throw refuse(
        "an array's shape does not fit its data",
        `[${shape.join(", ")}] ${dtype} in ${data.length} bytes`,
        `at most ${MAX_DIMENSIONS} dimensions whose product times ${type.bytes} is the number of bytes`,
      );
    }
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
    this.size = size;
  }

  /** A float32 array of `shape` with a copy of `values`, row-major. */
  static fromFloat32(values: ArrayLike<number>, shape: readonly number[]): NdArray {
    const data = new Uint8Array(values.length * 4);
    const view = new DataView(data.buffer);
    for (let i = 0; i < values.length; i += 1) view.setFloat32(i * 4, values[i] ?? 0, true);
    return new NdArray("<f4", shape, data);
  }

  /** The element at a flat C-order index. */
  at(index: number): number {
    const type = elementTypes.get(this.dtype.slice(1));
    if (type === undefined) return Number.NaN;
    const view = new DataView(this.data.buffer, this.data.byteOffset, this.data.byteLength);
    return type.read(view, index * type.bytes, !this.dtype.startsWith(">"));
  }

  /** Copies `count` elements from flat index `start` into `out` from its index `outStart`, as numbers. */
  copyTo(out: Float32Array, start = 0, count: number = this.size, outStart = 0): void {
    const type = elementTypes.get(this.dtype.slice(1));
    if (type === undefined) return;
    const view = new DataView(this.data.buffer, this.data.byteOffset, this.data.byteLength);
    const littleEndian = !this.dtype.startsWith(">");
    for (let i = 0; i < count; i += 1) {
      out[outStart + i] = type.read(view, (start + i) * type.bytes, littleEndian);
    }
  }
}

function refuse(what: string, observed: string, expected: string): OmpError {
  return new OmpError(ErrorCode.InvalidObservation, { what, observed, expected });
}

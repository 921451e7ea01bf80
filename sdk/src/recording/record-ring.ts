import { ErrorCode, OmpError } from "../errors.ts";

/** Numbers before the values of a record: its length, channel and time. */
const HEADER = 3;

/** One record, as read from a ring; overwritten by the next read. */
export interface RingRecord {
  channel: number;
  atMs: number;
  /** How many of `values` belong to the record. */
  count: number;
  readonly values: Float64Array;
}

/**
 * The newest records of numbers, in a fixed memory: a new one overwrites the oldest. `append` allocates nothing.
 *
 * A reader keeps a position of its own, so that several read at their own pace; one that is overtaken is told how far.
 */
export class RecordRing {
  readonly #numbers: Float64Array;
  /** Positions count numbers since the beginning and never wrap: 2^53 numbers are 40 000 years at 7 kHz. */
  #head = 0;
  #tail = 0;

  /** @param capacity of numbers, 3 a record included; at least 64 */
  constructor(capacity: number) {
    if (!(Number.isInteger(capacity) && capacity >= 64)) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "a ring of records has no such capacity",
        observed: String(capacity),
        expected: "a whole number of at least 64",
      });
    }
    this.#numbers = new Float64Array(capacity);
  }

  /** Longest record that fits, in values. */
  get maxValues(): number {
    return this.#numbers.length - HEADER;
  }

  /** Of the oldest record that is still there. */
  get oldest(): number {
    return this.#tail;
  }

  /** Behind the newest record. */
  get end(): number {
    return this.#head;
  }

  /**
   * @param count how many of `values` to keep
   * @returns false when the record is longer than the ring
   */
  append(channel: number, atMs: number, values: ArrayLike<number>, count: number): boolean {
    const length = HEADER + count;
    const numbers = this.#numbers;
    const capacity = numbers.length;
    if (length > capacity) return false;
    while (this.#head + length - this.#tail > capacity) {
      this.#tail += numbers[this.#tail % capacity] ?? capacity;
    }
    let at = this.#head % capacity;
    numbers[at] = length;
    at = at + 1 === capacity ? 0 : at + 1;
    numbers[at] = channel;
    at = at + 1 === capacity ? 0 : at + 1;
    numbers[at] = atMs;
    for (let i = 0; i < count; i += 1) {
      at = at + 1 === capacity ? 0 : at + 1;
      numbers[at] = values[i] ?? Number.NaN;
    }
    this.#head += length;
    return true;
  }

  /** A record for `read` to fill. */
  createRecord(): RingRecord {
    return { channel: 0, atMs: 0, count: 0, values: new Float64Array(this.maxValues) };
  }

  /**
   * Reads the record at `position`, or the oldest one when that has been overwritten.
   *
   * @param position `oldest`, or what `read` returned
   * @returns the position of the next record; undefined at the end
   */
  read(position: number, out: RingRecord): number | undefined {
    const from = Math.max(position, this.#tail);
    if (from >= this.#head) return undefined;
    const capacity = this.#numbers.length;
    const at = (offset: number): number => this.#numbers[(from + offset) % capacity] ?? Number.NaN;
    const length = at(0);
    out.channel = at(1);
    out.atMs = at(2);
    out.count = length - HEADER;
    for (let i = 0; i < out.count; i += 1) out.values[i] = at(HEADER + i);
    return from + length;
  }
}

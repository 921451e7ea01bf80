import { ErrorCode, OmpError } from "./errors.ts";

/** Memory of a ring of samples, for two threads. Plain data: post it to the other one. */
export interface SharedSamples {
  readonly memory: SharedArrayBuffer;
  /** Numbers in a sample. */
  readonly size: number;
  /** Samples that fit, a power of two. */
  readonly capacity: number;
}

/** Header words, each on a cache line of its own: the two threads never write to the same one. */
const WRITTEN = 0;
const LOST = 16;
const READ = 32;
const HEADER_BYTES = 256;

/**
 * Memory of a lock-free ring between one `SampleWriter` and one `SampleReader` in any two threads. Nothing is torn, reordered
 * or lost, except that a sample is refused and counted while the ring is full.
 *
 * @param size numbers in a sample
 * @param minCapacity samples that fit at least
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function createSharedSamples(size: number, minCapacity: number): SharedSamples {
  const isUsable = [size, minCapacity].every((count) => Number.isInteger(count) && count > 0);
  if (!isUsable || minCapacity > 2 ** 24) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "a ring of samples cannot be made",
      observed: `${minCapacity} samples of ${size} numbers`,
      expected: "whole numbers above 0, at most 2^24 samples",
    });
  }
  const capacity = 2 ** Math.ceil(Math.log2(minCapacity));
  const bytes = capacity * (Float64Array.BYTES_PER_ELEMENT + size * Float32Array.BYTES_PER_ELEMENT);
  return { memory: new SharedArrayBuffer(HEADER_BYTES + bytes), size, capacity };
}

interface Views {
  readonly header: Int32Array;
  readonly capturedAtMs: Float64Array;
  readonly values: Float32Array;
}

function viewsOf({ memory, size, capacity }: SharedSamples): Views {
  const valuesAt = HEADER_BYTES + capacity * Float64Array.BYTES_PER_ELEMENT;
  return {
    header: new Int32Array(memory, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT),
    capturedAtMs: new Float64Array(memory, HEADER_BYTES, capacity),
    values: new Float32Array(memory, valuesAt, size * capacity),
  };
}

/** The one thread that writes a ring. Allocates nothing. */
export class SampleWriter {
  readonly #samples: SharedSamples;
  readonly #views: Views;
  /** Counts wrap at 2^32; the two agree modulo that. */
  #written: number;
  /** As last seen: the reader's count only grows, so an old one is on the safe side. */
  #read: number;

  constructor(samples: SharedSamples) {
    this.#samples = samples;
    this.#views = viewsOf(samples);
    this.#written = Atomics.load(this.#views.header, WRITTEN);
    this.#read = Atomics.load(this.#views.header, READ);
  }

  /**
   * Copies a sample into the ring.
   *
   * @param values at least `size` numbers
   * @param capturedAtMs host clock
   * @returns false when the ring is full: the sample is lost and counted
   */
  push(values: ArrayLike<number>, capturedAtMs: number): boolean {
    const { size, capacity } = this.#samples;
    const views = this.#views;
    if (((this.#written - this.#read) | 0) === capacity) {
      this.#read = Atomics.load(views.header, READ);
      if (((this.#written - this.#read) | 0) === capacity) {
        Atomics.add(views.header, LOST, 1);
        return false;
      }
    }
    const slot = this.#written & (capacity - 1);
    views.capturedAtMs[slot] = capturedAtMs;
    for (let i = 0, at = slot * size; i < size; i += 1, at += 1) {
      views.values[at] = values[i] ?? Number.NaN;
    }
    this.#written = (this.#written + 1) | 0;
    // Publishes the plain writes above: whoever loads this count sees them.
    Atomics.store(views.header, WRITTEN, this.#written);
    return true;
  }
}

/** The one thread that reads a ring. Allocates nothing. */
export class SampleReader {
  readonly #samples: SharedSamples;
  readonly #views: Views;
  readonly #capturedAtMs: Float64Array = new Float64Array(1);
  #read: number;
  #written: number;

  constructor(samples: SharedSamples) {
    this.#samples = samples;
    this.#views = viewsOf(samples);
    this.#read = Atomics.load(this.#views.header, READ);
    this.#written = Atomics.load(this.#views.header, WRITTEN);
  }

  /** Samples that were refused because the ring was full; wraps at 2^32. */
  get lost(): number {
    return Atomics.load(this.#views.header, LOST) >>> 0;
  }

  /** Of the sample that `shift` gave last, host clock. */
  get capturedAtMs(): number {
    return this.#capturedAtMs[0] ?? Number.NaN;
  }

  /**
   * Takes the oldest sample.
   *
   * @param out at least `size` numbers
   * @returns false when there is none
   */
  shift(out: Float32Array): boolean {
    const { size, capacity } = this.#samples;
    const views = this.#views;
    if (this.#read === this.#written) {
      this.#written = Atomics.load(views.header, WRITTEN);
      if (this.#read === this.#written) return false;
    }
    const slot = this.#read & (capacity - 1);
    this.#capturedAtMs[0] = views.capturedAtMs[slot] ?? Number.NaN;
    for (let i = 0, at = slot * size; i < size; i += 1, at += 1) {
      out[i] = views.values[at] ?? Number.NaN;
    }
    this.#read = (this.#read + 1) | 0;
    // Gives the slot back only now that it has been copied.
    Atomics.store(views.header, READ, this.#read);
    return true;
  }
}

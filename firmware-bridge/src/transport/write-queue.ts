import type { Clock } from "../../../sdk/src/clock.ts";

/** Bounds of what waits to be written. */
export interface WriteBounds {
  readonly maxPendingBytes: number;
  readonly maxPendingAgeMs: number;
}

/** A 64-waypoint trajectory of 8 joints is 10 frames of 257 bytes. 50 ms is half of the default lease. */
export const defaultWriteBounds: WriteBounds = { maxPendingBytes: 4096, maxPendingAgeMs: 50 };

/**
 * Fewer than 127, so that the sequence numbers of writes dropped in a row never reach the half of their range that a controller takes
 * for replayed.
 */
const maxPendingWrites = 64;

/**
 * First-in first-out writes, bounded in bytes, count and age. A write that has begun to leave is finished whatever its age: half a
 * frame would cost the next one too. Allocates nothing after construction.
 */
export class WriteQueue {
  /** Writes taken and then dropped. */
  dropped = 0;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #maxAgeMs: number;
  readonly #bytes: Uint8Array;
  readonly #lengths = new Int32Array(maxPendingWrites);
  readonly #takenAtMs = new Float64Array(maxPendingWrites);
  #byteCount = 0;
  #writeCount = 0;
  /** Bytes of the first write that have left. */
  #sentBytes = 0;

  constructor(clock: Pick<Clock, "nowMs">, bounds: WriteBounds) {
    this.#clock = clock;
    this.#maxAgeMs = bounds.maxPendingAgeMs;
    this.#bytes = new Uint8Array(bounds.maxPendingBytes);
  }

  get isEmpty(): boolean {
    return this.#writeCount === 0;
  }

  get freeBytes(): number {
    return this.#writeCount === maxPendingWrites ? 0 : this.#bytes.length - this.#byteCount;
  }

  /** @returns false, and takes nothing, when there is no room */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    this.#dropAged();
    const length = end - start;
    if (length > this.freeBytes) return false;
    for (let i = 0; i < length; i++) this.#bytes[this.#byteCount + i] = bytes[start + i] ?? 0;
    this.#lengths[this.#writeCount] = length;
    this.#takenAtMs[this.#writeCount] = this.#clock.nowMs();
    this.#byteCount += length;
    this.#writeCount++;
    return true;
  }

  /**
   * Offers what waits to `write`, which returns how many of the bytes it took.
   *
   * @returns true when nothing waits any more
   */
  drain(write: (bytes: Uint8Array, start: number, length: number) => number): boolean {
    this.#dropAged();
    while (this.#writeCount > 0) {
      const length = this.#lengths[0] ?? 0;
      this.#sentBytes += write(this.#bytes, this.#sentBytes, length - this.#sentBytes);
      if (this.#sentBytes < length) return false;
      this.#removeWrites(0, 1);
      this.#sentBytes = 0;
    }
    return true;
  }

  /** Drops every write that has not begun to leave. */
  discard(): void {
    const first = this.#sentBytes > 0 ? 1 : 0;
    this.dropped += this.#writeCount - first;
    this.#removeWrites(first, this.#writeCount - first);
  }

  /** Drops every write, also the one that has begun to leave. */
  clear(): void {
    this.dropped += this.#writeCount;
    this.#removeWrites(0, this.#writeCount);
    this.#sentBytes = 0;
  }

  #dropAged(): void {
    const first = this.#sentBytes > 0 ? 1 : 0;
    const oldestMs = this.#clock.nowMs() - this.#maxAgeMs;
    let aged = 0;
    while (first + aged < this.#writeCount && (this.#takenAtMs[first + aged] ?? 0) < oldestMs) {
      aged++;
    }
    if (aged === 0) return;
    this.dropped += aged;
    this.#removeWrites(first, aged);
  }

  #removeWrites(first: number, count: number): void {
    if (count <= 0) return;
    let from = 0;
    for (let i = 0; i < first; i++) from += this.#lengths[i] ?? 0;
    let to = from;
    for (let i = first; i < first + count; i++) to += this.#lengths[i] ?? 0;
    this.#bytes.copyWithin(from, to, this.#byteCount);
    this.#lengths.copyWithin(first, first + count, this.#writeCount);
    this.#takenAtMs.copyWithin(first, first + count, this.#writeCount);
    this.#byteCount -= to - from;
    this.#writeCount -= count;
  }
}

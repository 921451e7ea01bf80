/** The last samples of one observation key with their times; memory is fixed at construction. */
export class SampleRing {
  readonly size: number;
  readonly #values: Float32Array;
  readonly #capturedAtMs: Float64Array;
  #count = 0;
  #newest = -1;

  /** @param size numbers in a sample */
  constructor(size: number, capacity: number) {
    this.size = size;
    this.#values = new Float32Array(size * capacity);
    this.#capturedAtMs = new Float64Array(capacity);
  }

  /** Samples held. */
  get count(): number {
    return this.#count;
  }

  /** True when a sample has been overwritten, so that the oldest one held is not the first one. */
  get isFull(): boolean {
    return this.#count === this.#capturedAtMs.length;
  }

  clear(): void {
    this.#count = 0;
    this.#newest = -1;
  }

  push(values: ArrayLike<number>, capturedAtMs: number): void {
    const capacity = this.#capturedAtMs.length;
    this.#newest = (this.#newest + 1) % capacity;
    this.#count = Math.min(this.#count + 1, capacity);
    this.#capturedAtMs[this.#newest] = capturedAtMs;
    const start = this.#newest * this.size;
    for (let i = 0; i < this.size; i += 1) this.#values[start + i] = values[i] ?? Number.NaN;
  }

  /**
   * How many samples before the newest one the sample in force at `instantsMs[step]` was taken; `count` when all are younger.
   */
  ageIndexAt(instantsMs: Float64Array, step: number): number {
    const atMs = instantsMs[step] ?? Number.NaN;
    let back = 0;
    while (back < this.#count && this.capturedAtMs(back) > atMs) back += 1;
    return back;
  }

  /** @param back 0 is the newest sample, `count - 1` the oldest; minus infinity when there is none */
  capturedAtMs(back: number): number {
    if (back >= this.#count) return Number.NEGATIVE_INFINITY;
    return this.#capturedAtMs[this.#slot(back)] ?? Number.NEGATIVE_INFINITY;
  }

  /** Copies one sample to `out[offset …]`. */
  copy(back: number, out: Float32Array, offset: number): void {
    const start = this.#slot(back) * this.size;
    for (let i = 0; i < this.size; i += 1) out[offset + i] = this.#values[start + i] ?? Number.NaN;
  }

  /** Moves `out[offset …]` towards one sample: by `weight` 0 not at all, by 1 onto it. */
  blend(back: number, weight: number, out: Float32Array, offset: number): void {
    const start = this.#slot(back) * this.size;
    for (let i = 0; i < this.size; i += 1) {
      const value = out[offset + i] ?? Number.NaN;
      out[offset + i] = value + weight * ((this.#values[start + i] ?? Number.NaN) - value);
    }
  }

  #slot(back: number): number {
    const capacity = this.#capturedAtMs.length;
    return (this.#newest - back + capacity) % capacity;
  }
}

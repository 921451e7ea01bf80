/** Receives what the loop measures; it must not block and must not throw. */
export interface TelemetrySink {
  event(name: string, fields: Readonly<Record<string, string | number | boolean>>): void;
}

/**
 * Latency histogram with a fixed memory: buckets grow by 2^(1/8) (9 %) from 1 µs to 67 s. Recording allocates nothing.
 */
export class LatencyHistogram {
  static readonly #bucketsPerOctave = 8;
  static readonly #bucketCount = 26 * LatencyHistogram.#bucketsPerOctave + 1;
  /** Numbers of `memory`. */
  static readonly memoryLength: number = 2 + LatencyHistogram.#bucketCount;
  /** All there is to a histogram, to copy it from one to another: count, largest value, buckets. */
  readonly memory: Float64Array = new Float64Array(LatencyHistogram.memoryLength);
  readonly #counts: Float64Array = this.memory.subarray(2);

  get count(): number {
    return this.memory[0] ?? 0;
  }

  /** The largest recorded value, ms, exact. */
  get maxMs(): number {
    return this.memory[1] ?? 0;
  }

  /** @param ms at least 0; smaller values and NaN count as 0 */
  record(ms: number): void {
    const us = ms * 1000;
    const bucket = us > 1 ? Math.ceil(Math.log2(us) * LatencyHistogram.#bucketsPerOctave) : 0;
    const index = Math.min(bucket, this.#counts.length - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.memory[0] = this.count + 1;
    if (ms > this.maxMs) this.memory[1] = ms;
  }

  /**
   * Upper edge of the bucket that holds the quantile, at most {@link maxMs}; NaN when nothing was recorded.
   *
   * @param quantile 0 to 1
   */
  quantileMs(quantile: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(quantile * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) {
        return Math.min(2 ** (bucket / LatencyHistogram.#bucketsPerOctave) / 1000, this.maxMs);
      }
    }
    return this.maxMs;
  }

  reset(): void {
    this.memory.fill(0);
  }
}

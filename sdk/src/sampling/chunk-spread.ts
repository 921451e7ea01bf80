/**
 * How far several chunks drawn for one observation disagree: the root of the mean variance of the rows that will be executed, in
 * network units, in which the range of a joint in training spans 2. A policy far from what it was trained on disagrees with itself.
 *
 * The variance is Welford's, so that no sample is kept.
 */
export class ChunkSpread {
  readonly #first: number;
  readonly #scale: Readonly<Float64Array>;
  readonly #mean: Float64Array;
  readonly #squares: Float64Array;
  #samples = 0;

  /**
   * @param firstRow and `rowCount`: the rows that count
   * @param scale network units per physical unit, one a joint
   */
  constructor(firstRow: number, rowCount: number, scale: Readonly<Float64Array>) {
    this.#first = firstRow * scale.length;
    this.#scale = scale;
    this.#mean = new Float64Array(rowCount * scale.length);
    this.#squares = new Float64Array(rowCount * scale.length);
  }

  /** Begins another observation. */
  reset(): void {
    this.#samples = 0;
    this.#mean.fill(0);
    this.#squares.fill(0);
  }

  /** @param rows of one chunk, row-major, physical units */
  add(rows: Readonly<Float32Array>): void {
    this.#samples += 1;
    for (let i = 0; i < this.#mean.length; i += 1) {
      const value =
        (rows[this.#first + i] ?? Number.NaN) * (this.#scale[i % this.#scale.length] ?? Number.NaN);
      const before = value - (this.#mean[i] ?? 0);
      const mean = (this.#mean[i] ?? 0) + before / this.#samples;
      this.#mean[i] = mean;
      this.#squares[i] = (this.#squares[i] ?? 0) + before * (value - mean);
    }
  }

  /** NaN of fewer than two samples. */
  get value(): number {
    let sum = 0;
    for (let i = 0; i < this.#squares.length; i += 1) sum += this.#squares[i] ?? Number.NaN;
    return Math.sqrt(
      sum / this.#squares.length / (this.#samples > 1 ? this.#samples - 1 : Number.NaN),
    );
  }
}

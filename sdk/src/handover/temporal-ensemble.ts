import type { Plan } from "../plan.ts";
import type { ActionChunk, Trajectory } from "../types.ts";
import type { ChunkHandover } from "./chunk-handover.ts";

interface Prediction {
  readonly rows: Float64Array;
  observedAtMs: number;
  firstRow: number;
}

export interface TemporalEnsembleOptions {
  /** Chunks that may overlap one instant, the newest among them. */
  readonly capacity: number;
  /** A chunk's weight at an instant is exp(rate · its age there in seconds): above 0 the oldest weighs most, below 0 the newest. */
  readonly rate: number;
  /** A chunk's weight rises over its first rows and falls over its last ones, by equal steps, over this long. */
  readonly taperMs: number;
  /** Of a joint; the others follow the newest chunk alone. */
  readonly isBlended: readonly boolean[];
}

/**
 * Every waypoint is the weighted mean of what the chunks of this motion say about its instant: the temporal ensembling of ACT
 * (arXiv 2304.13705), by time instead of by index. The tapers make it continuous: a chunk has no weight yet at its junction
 * and none any more after its last row.
 */
export class TemporalEnsemble implements ChunkHandover {
  readonly pointsPerStep = 1;
  readonly #options: TemporalEnsembleOptions;
  readonly #predictions: readonly Prediction[];
  /** Of `#predictions` that hold a chunk. */
  #count = 0;
  #newest = -1;

  constructor(options: TemporalEnsembleOptions, horizon: number, actionDim: number) {
    this.#options = options;
    this.#predictions = Array.from({ length: options.capacity }, () => ({
      rows: new Float64Array(horizon * actionDim),
      observedAtMs: 0,
      firstRow: 0,
    }));
  }

  reset(): void {
    this.#count = 0;
    this.#newest = -1;
  }

  join({ trajectory, firstRow }: Plan, chunk: Readonly<ActionChunk>): void {
    this.#remember(chunk, firstRow);
    for (let i = 0; i < trajectory.count; i += 1) {
      for (let j = 0; j < trajectory.jointCount; j += 1) {
        if (this.#options.isBlended[j] === true)
          this.#average(trajectory, i, chunk, firstRow + i, j);
      }
    }
  }

  #remember(chunk: Readonly<ActionChunk>, firstRow: number): void {
    this.#newest = (this.#newest + 1) % this.#predictions.length;
    this.#count = Math.min(this.#count + 1, this.#predictions.length);
    const prediction = this.#predictions[this.#newest];
    if (prediction === undefined) return;
    prediction.rows.set(chunk.rows);
    prediction.observedAtMs = chunk.observedAtMs;
    prediction.firstRow = firstRow;
  }

  /** Sets waypoint `i` of joint `j`, due when `row` of the newest chunk is. A number returned would be boxed. */
  #average(
    { positions, jointCount }: Trajectory,
    i: number,
    { observedAtMs, dtMs, horizon, actionDim }: Readonly<ActionChunk>,
    row: number,
    j: number,
  ): void {
    const { rate, taperMs } = this.#options;
    const taperRows = taperMs / dtMs;
    let weights = 0;
    let sum = 0;
    for (let k = 0; k < this.#count; k += 1) {
      const one = this.#predictions[k];
      if (one === undefined) continue;
      const olderSteps = Math.round((observedAtMs - one.observedAtMs) / dtMs);
      const itsRow = row + olderSteps;
      if (itsRow < one.firstRow || itsRow >= horizon) continue;
      const rise = (itsRow - one.firstRow + 1) / (taperRows + 1);
      const fall = (horizon - itsRow) / (taperRows + 1);
      // Ages only count against each other.
      const weight = Math.min(1, rise, fall) * Math.exp((rate * olderSteps * dtMs) / 1000);
      weights += weight;
      sum += weight * (one.rows[itsRow * actionDim + j] ?? Number.NaN);
    }
    positions[i * jointCount + j] = sum / weights;
  }
}

import type { NetworkUnits } from "./network-units.ts";

export interface WarmStartOptions {
  /** The time t at which a warm chunk starts, above 0 to 1; 1 is noise alone. */
  readonly tau: number;
  readonly units: NetworkUnits;
  readonly horizon: number;
  readonly dtMs: number;
}

/**
 * Starts a chunk from what the chunk before says of the same instants: z = (1 − τ) a + τ e at time t = τ, in network units. The two
 * chunks then tend to choose the same of several ways. Rows past the end of the old chunk repeat its last one.
 */
export class WarmStart {
  readonly #options: WarmStartOptions;
  /** Of the last chunk, network units. */
  readonly #rows: Float64Array;
  /** NaN: there is none to start from. */
  #observedAtMs = Number.NaN;

  constructor(options: WarmStartOptions) {
    this.#options = options;
    this.#rows = new Float64Array(options.horizon * options.units.scale.length);
  }

  /** The next chunk starts from noise: the arm was stopped or moved, or another episode begins. */
  forget(): void {
    this.#observedAtMs = Number.NaN;
  }

  /**
   * Mixes the last chunk into `noise`.
   *
   * @param observedAtMs of the chunk to come; NaN when it is not known
   * @returns the time t to give to the graph: 1, with `noise` untouched, when no row of the last chunk is about the future
   */
  mix(noise: Float32Array, observedAtMs: number): number {
    const { tau, horizon, dtMs, units } = this.#options;
    const steps = Math.round((observedAtMs - this.#observedAtMs) / dtMs);
    if (!(steps >= 0 && steps < horizon)) return 1;
    const dim = units.scale.length;
    for (let row = 0; row < horizon; row += 1) {
      const old = Math.min(row + steps, horizon - 1) * dim;
      for (let j = 0; j < dim; j += 1) {
        const index = row * dim + j;
        const drawn = noise[index] ?? Number.NaN;
        noise[index] = (1 - tau) * (this.#rows[old + j] ?? Number.NaN) + tau * drawn;
      }
    }
    return tau;
  }

  /** @param rows of a chunk, physical units */
  remember(rows: Readonly<Float64Array>, observedAtMs: number): void {
    const { scale, offset } = this.#options.units;
    for (let i = 0; i < this.#rows.length; i += 1) {
      const j = i % scale.length;
      this.#rows[i] =
        (rows[i] ?? Number.NaN) * (scale[j] ?? Number.NaN) + (offset[j] ?? Number.NaN);
    }
    this.#observedAtMs = observedAtMs;
  }
}

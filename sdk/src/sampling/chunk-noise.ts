import type { RandomStream } from "../random.ts";
import type { NoiseMode } from "./sampling-options.ts";

/** The noise of an episode's chunks. */
export class ChunkNoise {
  readonly #mode: NoiseMode;
  readonly #first: Float32Array;
  #hasFirst = false;

  constructor(mode: NoiseMode, size: number) {
    this.#mode = mode;
    this.#first = new Float32Array(size);
  }

  /** Another episode begins. */
  reset(): void {
    this.#hasFirst = false;
  }

  /** Fills `out` with the noise of the next chunk, drawn from `stream` where it is drawn at all. */
  fill(out: Float32Array, stream: RandomStream): void {
    if (this.#mode === "zero") {
      out.fill(0);
    } else if (this.#mode === "seeded") {
      stream.fillNormal(out);
    } else {
      if (!this.#hasFirst) stream.fillNormal(this.#first);
      this.#hasFirst = true;
      out.set(this.#first);
    }
  }
}

import type { ControlLoop } from "../../../../sdk/src/control-loop.ts";
import type { Observation } from "../../../../sdk/src/types.ts";

/** The last observations that a loop acted on, for a candidate to answer too. */
export class ObservationRing {
  readonly #loop: ControlLoop;
  readonly #capacity: number;
  readonly #ring: Observation[] = [];
  readonly #unsubscribe: () => void;
  #next = 0;

  /** @param capacity observations kept, at least 1 */
  constructor(loop: ControlLoop, capacity: number) {
    this.#loop = loop;
    this.#capacity = capacity;
    this.#unsubscribe = loop.on("trajectorySent", (_trajectory, { observedAtMs }) => {
      this.#record(observedAtMs);
    });
  }

  /** Copies, at most `capacity`. */
  get observations(): readonly Observation[] {
    return this.#ring.map(({ values, observedAtMs }) => ({
      values: new Map([...values].map(([key, numbers]) => [key, numbers.slice()])),
      observedAtMs,
    }));
  }

  close(): void {
    this.#unsubscribe();
  }

  #record(observedAtMs: number): void {
    const buffer = this.#loop.stages?.buffer;
    if (buffer === undefined) return;
    const observation = this.#ring[this.#next] ?? buffer.createObservation();
    // The samples of that instant are a few ms old; the buffer still has them.
    if (buffer.observe(observedAtMs, observation).status !== "fresh") return;
    this.#ring[this.#next] = observation;
    this.#next = (this.#next + 1) % this.#capacity;
  }
}

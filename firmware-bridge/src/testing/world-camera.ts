import type { SampleSink, SensorSource } from "../../../sdk/src/sensor.ts";
import type { WorldSample } from "./plant.ts";

/** Watches the simulated table as a camera's tracker would: object and goal, stamped when they were there. */
export class WorldCamera implements SensorSource {
  readonly key = "observation.environment_state";
  #sink: SampleSink | undefined;
  #latest: WorldSample | undefined;
  #waiting: { readonly placement: number; readonly resolve: () => void }[] = [];

  /** The newest sample; undefined before the first. */
  get latest(): WorldSample | undefined {
    return this.#latest;
  }

  async start(sink: SampleSink): Promise<void> {
    this.#sink = sink;
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
    return Promise.resolve();
  }

  /** Called by the simulated arm. */
  see(sample: WorldSample): void {
    this.#latest = sample;
    this.#sink?.push(this.key, sample.environment, sample.capturedAtMs);
    const arrived = this.#waiting.filter(({ placement }) => placement <= sample.placement);
    this.#waiting = this.#waiting.filter(({ placement }) => placement > sample.placement);
    for (const { resolve } of arrived) resolve();
  }

  /** Resolves once a sample of that placement, or of a later one, has been seen. */
  async seen(placement: number): Promise<void> {
    if ((this.#latest?.placement ?? -1) >= placement) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push({ placement, resolve });
    });
  }
}

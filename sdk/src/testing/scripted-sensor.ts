import type { Clock } from "../clock.ts";
import type { SampleSink, SensorSource } from "../sensor.ts";

export interface SensorScript {
  readonly key: string;
  readonly periodMs: number;
  /** The sample captured at `capturedAtMs`, or undefined for one that is lost. */
  readonly sample: (capturedAtMs: number) => ArrayLike<number> | undefined;
}

/** Delivers what a function says, at once and then every period of a clock. */
export class ScriptedSensor implements SensorSource {
  readonly key: string;
  readonly #clock: Clock;
  readonly #script: SensorScript;
  #sink: SampleSink | undefined;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, script: SensorScript) {
    this.key = script.key;
    this.#clock = clock;
    this.#script = script;
  }

  async start(sink: SampleSink): Promise<void> {
    this.#sink = sink;
    this.#deliver(this.#clock.nowMs());
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
    this.#cancel();
    return Promise.resolve();
  }

  #deliver(atMs: number): void {
    const values = this.#script.sample(atMs);
    if (values !== undefined) this.#sink?.push(this.key, values, atMs);
    const nextMs = atMs + this.#script.periodMs;
    this.#cancel = this.#clock.callAt(nextMs, () => {
      this.#deliver(nextMs);
    });
  }
}

import type { SampleSink, SensorSource } from "./sensor.ts";
import { SampleReader, type SharedSamples } from "./shared-samples.ts";

/** A sensor that another thread writes into a ring: each `poll` pushes what has come since the last one. */
export class SharedSensor implements SensorSource {
  readonly key: string;
  readonly #reader: SampleReader;
  readonly #values: Float32Array;
  readonly #capacity: number;
  #sink: SampleSink | undefined;

  /** @param samples to which one thread writes and from which nobody else reads */
  constructor(key: string, samples: SharedSamples) {
    this.key = key;
    this.#reader = new SampleReader(samples);
    this.#values = new Float32Array(samples.size);
    this.#capacity = samples.capacity;
  }

  /** Samples lost because nobody polled; wraps at 2^32. */
  get lost(): number {
    return this.#reader.lost;
  }

  /** Drops what was written before. */
  async start(sink: SampleSink): Promise<void> {
    while (this.#reader.shift(this.#values));
    this.#sink = sink;
    return Promise.resolve();
  }

  poll(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    // Bounded, so that a writer in a frenzy cannot keep the loop here.
    for (let i = 0; i < this.#capacity && this.#reader.shift(this.#values); i += 1) {
      sink.push(this.key, this.#values, this.#reader.capturedAtMs);
    }
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
    return Promise.resolve();
  }
}

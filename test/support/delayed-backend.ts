import { type Clock, sleepUntil } from "../../sdk/src/clock.ts";
import type {
  BackendInfo,
  InferenceBackend,
  ModelSource,
  TensorBuffers,
} from "../../sdk/src/runtime/inference-backend.ts";

/** Lets every inference of another backend take `delayMs` of a clock, and no less: with a manual clock exactly that. */
export class DelayedBackend implements InferenceBackend {
  /** Of every inference from now on, ms. */
  delayMs = 0;
  readonly #inner: InferenceBackend;
  readonly #clock: Clock;
  #computing: Promise<number> | undefined;

  constructor(inner: InferenceBackend, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  async load(model: ModelSource): Promise<BackendInfo> {
    return this.#inner.load(model);
  }

  async infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number> {
    const readyAtMs = this.#clock.nowMs() + this.delayMs;
    this.#computing = this.#inner.infer(inputs, outputs);
    try {
      await this.#computing;
    } finally {
      this.#computing = undefined;
    }
    if (this.#clock.nowMs() < readyAtMs) await sleepUntil(this.#clock, readyAtMs);
    return this.delayMs;
  }

  /** Resolves when nothing is being computed; what then still waits, waits for the clock. */
  async computed(): Promise<void> {
    while (this.#computing !== undefined) {
      await this.#computing.catch(() => 0);
      // The next of several inferences begins in the promises that follow.
      await new Promise(setImmediate);
    }
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }
}

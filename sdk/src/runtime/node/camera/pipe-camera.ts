import { Worker } from "node:worker_threads";

import { asOmpError, ErrorCode } from "../../../errors.ts";
import { createFrameConverter, type FrameSpec } from "../../../perception/frame-converter.ts";
import type { SampleSink, SensorSource } from "../../../sensor.ts";
import { createSharedSamples } from "../../../shared-samples.ts";
import { SharedSensor } from "../../../shared-sensor.ts";
import { FramePipe, type FramePipeCounters, type FramePipeState } from "./frame-pipe.ts";
import type { FramePipeOptions } from "./frame-pipe-options.ts";
import { type SampleWorkerOrder, SampleWord } from "./frame-sample-messages.ts";

export type PipeCameraOptions = FramePipeOptions & {
  /** The observation key its samples are of. */
  readonly key: string;
  /** What the frames are, and what a sample is made of them. */
  readonly frame: FrameSpec;
};

export interface PipeCameraCounters extends FramePipeCounters {
  /** Frames that held no sample: no point in the crop. */
  readonly framesEmpty: number;
  /** Samples that found no room, because nobody polled. */
  readonly samplesLost: number;
}

/** A sample a tick is usual; this is how many a stalled loop finds when it comes back. */
const SAMPLES = 8;

/**
 * A camera that a program or a FIFO delivers as raw frames: one thread reads, one makes samples, the loop polls. For a loop on the
 * `MonotonicClock`. A camera that ends or stalls delivers nothing: its key grows stale and the arm holds.
 *
 * @example
 * const camera = new PipeCamera({
 *   key: "observation.image",
 *   source: { command: ["gst-launch-1.0", "-q", "v4l2src", "!", "video/x-raw,format=RGB,width=640,height=480,framerate=30/1", "!", "fdsink"] },
 *   frame: { kind: "image", format: "rgb8", width: 640, height: 480, outWidth: 84, outHeight: 84 },
 *   rateHz: 30,
 *   latencyMs: 90,
 *   maxRestarts: 3,
 * });
 */
export class PipeCamera implements SensorSource {
  readonly key: string;
  readonly #pipe: FramePipe;
  readonly #sensor: SharedSensor;
  readonly #order: SampleWorkerOrder;
  #sampling: Promise<void> = Promise.resolve();
  #problem = "";

  /** @throws {OmpError} INVALID_ARGUMENT naming the option */
  constructor({ key, frame, ...options }: PipeCameraOptions) {
    const { frameBytes, size } = createFrameConverter(frame);
    this.key = key;
    this.#pipe = new FramePipe(frameBytes, options);
    const samples = createSharedSamples(size, SAMPLES);
    this.#sensor = new SharedSensor(key, samples);
    const words = new Int32Array(new SharedArrayBuffer(8));
    this.#order = { frame, frames: this.#pipe.frames, samples, words };
  }

  get state(): FramePipeState {
    return this.#pipe.state;
  }

  /** Why no samples come, for people; empty while nothing is known. */
  get problem(): string {
    return this.#problem === "" ? this.#pipe.problem : this.#problem;
  }

  get counters(): PipeCameraCounters {
    return {
      ...this.#pipe.counters,
      framesEmpty: Atomics.load(this.#order.words, SampleWord.Empty) >>> 0,
      samplesLost: this.#sensor.lost,
    };
  }

  /** @throws {OmpError} SENSOR_FAILED when there is no such command or FIFO */
  async start(sink: SampleSink): Promise<void> {
    const entry = new URL(import.meta.resolve("#frame-sample-worker"));
    await this.#pipe.start();
    const worker = new Worker(entry, { workerData: this.#order, execArgv: [] });
    this.#sampling = new Promise((resolve) => {
      worker.once("exit", () => {
        resolve();
      });
    });
    worker.on("error", (error) => {
      this.#problem = asOmpError(error, ErrorCode.SensorFailed, "no sample can be made").message;
    });
    await this.#sensor.start(sink);
  }

  poll(): void {
    this.#sensor.poll();
  }

  async stop(): Promise<void> {
    await this.#sensor.stop();
    await this.#pipe.stop();
    Atomics.store(this.#order.words, SampleWord.Stopped, 1);
    await this.#sampling;
  }
}

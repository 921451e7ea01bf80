import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import { asOmpError, ErrorCode, OmpError } from "../../errors.ts";
import { tensorBuffer } from "../../internal/tensor-buffer.ts";
import type {
  BackendInfo,
  InferenceBackend,
  ModelSource,
  TensorBuffers,
} from "../inference-backend.ts";
import { CallRequest, request, wake } from "./call-signal.ts";
import type { OrtOptions } from "./ort-session.ts";
import { fromSentError } from "./sent-error.ts";
import type { SharedTensors, WorkerReply, WorkerRequest } from "./worker-messages.ts";

const hasOtherCore = availableParallelism() > 1;

type Loaded = Extract<WorkerReply, { kind: "loaded" }>;

/**
 * onnxruntime in a worker thread, because its `run` blocks the thread that calls it. A crash of the worker's code rejects
 * the running call and every later one; the worker is drained on `close`, never terminated.
 *
 * An idle worker does not keep the process alive.
 */
export class WorkerBackend implements InferenceBackend {
  readonly #options: OrtOptions;
  #worker: Worker | undefined;
  #exited: Promise<void> = Promise.resolve();
  #loading: Promise<unknown> | undefined;
  #memory: SharedTensors | undefined;
  #running: Promise<unknown> | undefined;
  /** Rejects what is awaited now. */
  #reject: (error: OmpError) => void = () => undefined;
  /** Of the worker's end; every later call rejects with it. */
  #failure: OmpError | undefined;

  constructor(options: OrtOptions = {}) {
    this.#options = options;
  }

  async load(model: ModelSource): Promise<BackendInfo> {
    if (this.#worker !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, { what: "this backend has a model already" });
    }
    // Without the flags of the main thread: some, like --input-type, do not fit a worker.
    const entry = new URL(import.meta.resolve("#inference-worker"));
    const worker = new Worker(entry, { execArgv: [] });
    this.#worker = worker;
    this.#watch(worker);
    const loading = this.#await(
      new Promise<Loaded>((resolve) => {
        worker.on("message", (reply: WorkerReply) => {
          if (reply.kind === "loaded") resolve(reply);
          else this.#reject(fromSentError(reply.error));
        });
        worker.postMessage({ model, options: this.#options } satisfies WorkerRequest);
      }),
    ).then(({ info, memory }) => {
      this.#memory = memory;
      return { ...info, memory };
    });
    this.#loading = loading;
    return loading;
  }

  async infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number> {
    const memory = this.#memory;
    if (memory === undefined || this.#running !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the backend cannot infer",
        observed: memory === undefined ? "no model is loaded" : "an inference is running",
      });
    }
    for (const [name, shared] of memory.inputs) {
      const given = tensorBuffer(inputs, name, shared.length);
      if (given !== shared) shared.set(given);
    }
    for (const [name, shared] of memory.outputs) tensorBuffer(outputs, name, shared.length);
    await this.#await(request(memory.signal, CallRequest.Infer));
    for (const [name, shared] of memory.outputs) {
      const given = tensorBuffer(outputs, name, shared.length);
      if (given !== shared) given.set(shared);
    }
    return memory.signal.value[0] ?? Number.NaN;
  }

  /** Spinning while the caller needs the core would keep it from what is awaited. */
  prepare(): void {
    const memory = this.#memory;
    if (memory !== undefined && this.#running === undefined && hasOtherCore) wake(memory.signal);
  }

  async close(): Promise<void> {
    await this.#loading?.catch(() => undefined);
    const memory = this.#memory;
    this.#memory = undefined;
    await this.#running?.catch(() => undefined);
    this.#worker?.ref();
    if (memory !== undefined) void request(memory.signal, CallRequest.Close);
    await this.#exited;
  }

  #watch(worker: Worker): void {
    worker.on("error", (error) => {
      this.#fail(asOmpError(error, ErrorCode.BackendFailed, "the inference worker crashed"));
    });
    this.#exited = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#fail(new OmpError(ErrorCode.BackendFailed, { what: "the inference worker ended" }));
        resolve();
      });
    });
  }

  /** Keeps the process alive meanwhile, and rejects when the worker fails or ends. */
  async #await<T>(answer: Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#worker?.ref();
    const running = new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      void answer.then(resolve);
    });
    this.#running = running;
    try {
      return await running;
    } finally {
      this.#running = undefined;
      this.#worker?.unref();
    }
  }

  #fail(error: OmpError): void {
    this.#failure ??= error;
    this.#reject(this.#failure);
  }
}

import { Worker } from "node:worker_threads";

import { asOmpError, ErrorCode, OmpError } from "../../errors.ts";
import { tensorBuffer } from "../../internal/tensor-buffer.ts";
import type {
  BackendInfo,
  InferenceBackend,
  ModelSource,
  TensorBuffers,
  TensorMemory,
} from "../inference-backend.ts";
import type { OrtOptions } from "./ort-session.ts";
import type { WorkerReply, WorkerRequest } from "./worker-messages.ts";

interface Waiting {
  readonly resolve: (reply: WorkerReply) => void;
  readonly reject: (error: OmpError) => void;
}

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
  #memory: TensorMemory | undefined;
  #waiting: Waiting | undefined;
  #pending: Promise<unknown> = Promise.resolve();
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
    worker.on("message", (reply: WorkerReply) => {
      this.#settle()?.resolve(reply);
    });
    worker.on("error", (error) => {
      this.#fail(asOmpError(error, ErrorCode.BackendFailed, "the inference worker crashed"));
    });
    this.#exited = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#fail(new OmpError(ErrorCode.BackendFailed, { what: "the inference worker ended" }));
        resolve();
      });
    });
    const reply = await this.#ask(worker, { kind: "load", model, options: this.#options });
    if (reply.kind !== "loaded") throw unexpected(reply);
    this.#memory = reply.memory;
    return { ...reply.info, memory: reply.memory };
  }

  async infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number> {
    if (this.#worker === undefined || this.#memory === undefined || this.#waiting !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the backend cannot infer",
        observed: this.#memory === undefined ? "no model is loaded" : "an inference is running",
      });
    }
    const memory = this.#memory;
    for (const [name, shared] of memory.inputs) {
      const given = tensorBuffer(inputs, name, shared.length);
      if (given !== shared) shared.set(given);
    }
    for (const [name, shared] of memory.outputs) tensorBuffer(outputs, name, shared.length);
    const reply = await this.#ask(this.#worker, { kind: "infer" });
    if (reply.kind !== "inferred") throw unexpected(reply);
    for (const [name, shared] of memory.outputs) {
      const given = tensorBuffer(outputs, name, shared.length);
      if (given !== shared) given.set(shared);
    }
    return reply.ms;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#memory = undefined;
    await this.#pending.catch(() => undefined);
    if (worker !== undefined && this.#failure === undefined) {
      await this.#ask(worker, { kind: "close" }).catch(() => undefined);
    }
    worker?.ref();
    await this.#exited;
  }

  async #ask(worker: Worker, request: WorkerRequest): Promise<WorkerReply> {
    if (this.#failure !== undefined) throw this.#failure;
    const reply = new Promise<WorkerReply>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    this.#pending = reply;
    worker.ref();
    worker.postMessage(request);
    const received = await reply;
    worker.unref();
    if (received.kind === "failed") {
      const { code, report } = received.error;
      throw new OmpError(code, report);
    }
    return received;
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }

  #fail(error: OmpError): void {
    this.#failure ??= error;
    this.#settle()?.reject(this.#failure);
  }
}

function unexpected(reply: WorkerReply): OmpError {
  return new OmpError(ErrorCode.Internal, {
    what: `the inference worker answered ${reply.kind} to another request`,
  });
}

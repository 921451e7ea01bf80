import { asOmpError, ErrorCode, OmpError } from "../errors.ts";
import { tensorBuffer } from "../internal/tensor-buffer.ts";
import type {
  BackendInfo,
  InferenceBackend,
  ModelSource,
  TensorBuffers,
  TensorInfo,
} from "../runtime/inference-backend.ts";

export interface FakeGraph {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Fills `outputs`; what it throws becomes a BACKEND_FAILED. */
  readonly evaluate: (inputs: TensorBuffers, outputs: TensorBuffers) => Promise<void> | void;
}

/** A backend whose graph is a function. */
export class FakeBackend implements InferenceBackend {
  readonly #graph: FakeGraph;
  #isLoaded = false;
  #running: Promise<void> | undefined;

  constructor(graph: FakeGraph) {
    this.#graph = graph;
  }

  async load(_model: ModelSource): Promise<BackendInfo> {
    if (this.#isLoaded) {
      throw new OmpError(ErrorCode.InvalidState, { what: "this backend has a model already" });
    }
    this.#isLoaded = true;
    const { inputs, outputs } = this.#graph;
    return Promise.resolve({ activeProvider: "fake", runtime: "fake", inputs, outputs });
  }

  async infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number> {
    if (!this.#isLoaded || this.#running !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the backend cannot infer",
        observed: this.#isLoaded ? "an inference is running" : "no model is loaded",
      });
    }
    for (const { name, shape } of this.#graph.inputs) tensorBuffer(inputs, name, size(shape));
    for (const { name, shape } of this.#graph.outputs) tensorBuffer(outputs, name, size(shape));
    this.#running = this.#evaluate(inputs, outputs);
    try {
      await this.#running;
    } catch (error) {
      throw asOmpError(error, ErrorCode.BackendFailed, "the fake graph failed");
    } finally {
      this.#running = undefined;
    }
    return 0;
  }

  async close(): Promise<void> {
    this.#isLoaded = false;
    await this.#running?.catch(() => undefined);
  }

  async #evaluate(inputs: TensorBuffers, outputs: TensorBuffers): Promise<void> {
    await this.#graph.evaluate(inputs, outputs);
  }
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, one) => product * one, 1);
}

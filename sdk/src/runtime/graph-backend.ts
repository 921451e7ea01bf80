import { ErrorCode, OmpError } from "../errors.ts";
import { BoundGraph, type BoundGraphParts } from "./bound-graph.ts";
import type {
  BackendInfo,
  InferenceBackend,
  ModelSource,
  TensorBuffers,
} from "./inference-backend.ts";

/** A graph that one build of onnxruntime for JavaScript has opened, and who runs it. */
export interface OpenedGraph<Tensor>
  extends BoundGraphParts<Tensor>, Pick<BackendInfo, "activeProvider" | "runtime"> {}

/** onnxruntime on the calling thread: `infer` blocks it. A subclass says how its build opens a model. */
export abstract class GraphBackend<
  Tensor extends { readonly data: unknown },
> implements InferenceBackend {
  #graph: BoundGraph<Tensor> | undefined;

  /** @throws {OmpError} as `open`; INVALID_STATE when this session has a model */
  async load(model: ModelSource): Promise<BackendInfo> {
    if (this.#graph !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, { what: "this session has a model already" });
    }
    const opened = await this.open(model);
    this.#graph = new BoundGraph(opened);
    await this.#graph.warmUp();
    const { inputs, outputs, memory } = this.#graph;
    const { activeProvider, runtime } = opened;
    return { activeProvider, runtime, inputs, outputs, memory };
  }

  async infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number> {
    if (this.#graph === undefined) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the session cannot infer",
        observed: "no model is loaded",
      });
    }
    return this.#graph.infer(inputs, outputs);
  }

  async close(): Promise<void> {
    const graph = this.#graph;
    this.#graph = undefined;
    await graph?.close();
  }

  /** @throws {OmpError} BACKEND_LOAD_FAILED, BACKEND_PROVIDER_UNAVAILABLE */
  protected abstract open(model: ModelSource): Promise<OpenedGraph<Tensor>>;
}

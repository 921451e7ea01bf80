import { ErrorCode, OmpError } from "../errors.ts";
import { BoundGraph, type BoundGraphParts } from "./bound-graph.ts";
import type {
  BackendInfo,
  InferenceBackend,
  ModelFile,
  ModelSource,
  TensorBuffers,
} from "./inference-backend.ts";
import { SplitGraph } from "./split-graph.ts";

/** A graph that one build of onnxruntime for JavaScript has opened, and who runs it. */
export interface OpenedGraph<Tensor>
  extends BoundGraphParts<Tensor>, Pick<BackendInfo, "activeProvider" | "runtime"> {}

/** onnxruntime on the calling thread: `infer` blocks it. A subclass says how its build opens a model. */
export abstract class GraphBackend<
  Tensor extends { readonly data: unknown },
> implements InferenceBackend {
  #graph: BoundGraph<Tensor> | SplitGraph<Tensor> | undefined;

  /** @throws {OmpError} as `open`; INVALID_STATE when this session has a model */
  async load(model: ModelSource): Promise<BackendInfo> {
    if (this.#graph !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, { what: "this session has a model already" });
    }
    const { graph, opened } = await this.#open(model);
    this.#graph = graph;
    await graph.warmUp();
    const { inputs, outputs, memory } = graph;
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
  protected abstract open(model: ModelFile): Promise<OpenedGraph<Tensor>>;

  async #open(model: ModelSource): Promise<{
    readonly graph: BoundGraph<Tensor> | SplitGraph<Tensor>;
    readonly opened: OpenedGraph<Tensor>;
  }> {
    if (!("encoder" in model)) {
      const opened = await this.open(model);
      return { graph: await bind(opened), opened };
    }
    const opened = await this.open(model.encoder);
    const encoder = await bind(opened);
    let head: BoundGraph<Tensor> | undefined;
    try {
      head = await bind(await this.open(model.head));
      return { graph: new SplitGraph(encoder, head), opened };
    } catch (error) {
      await encoder.close();
      await head?.close();
      throw error;
    }
  }
}

/** @throws {OmpError} BACKEND_LOAD_FAILED as `BoundGraph`; the session is then released */
async function bind<Tensor extends { readonly data: unknown }>(
  opened: OpenedGraph<Tensor>,
): Promise<BoundGraph<Tensor>> {
  try {
    return new BoundGraph(opened);
  } catch (error) {
    await opened.session.release();
    throw error;
  }
}

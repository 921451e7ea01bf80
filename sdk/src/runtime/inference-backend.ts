/** Name, shape and element type of one graph input or output. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32";
}

/** What was loaded and where it runs. */
export interface BackendInfo {
  /** The execution provider that really runs the graph, e.g. "cpu", "cuda". */
  readonly activeProvider: string;
  /** Runtime and version, e.g. "onnxruntime-node 1.30.0". */
  readonly runtime: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Memory of the backend itself, every input and every output. `infer` copies nothing that already lies there, as it must
   * with other buffers. A backend without such memory leaves it out.
   */
  readonly memory?: TensorMemory;
}

/** Buffers of every graph input and of every graph output. */
export interface TensorMemory {
  readonly inputs: TensorBuffers;
  readonly outputs: TensorBuffers;
}

/** Buffers by tensor name; allocated once by the policy and reused for every inference. */
export type TensorBuffers = ReadonlyMap<string, Float32Array>;

/** A model file. A path is preferred: the runtime then reads it without a second copy in memory. */
export type ModelFile = { readonly path: string } | { readonly bytes: Uint8Array };

/** One graph, or a policy in two: an encoder of one observed step, and a head from the features of all steps. */
export type ModelSource = ModelFile | { readonly encoder: ModelFile; readonly head: ModelFile };

/**
 * Runs one fixed graph. One inference at a time: a call before the last one settled throws. Every implementation passes
 * `test/conformance/inference-backend.ts`.
 */
export interface InferenceBackend {
  /**
   * @throws {OmpError} BACKEND_LOAD_FAILED; BACKEND_PROVIDER_UNAVAILABLE when the graph would run on another provider
   *   than the first one asked for and falling back was not allowed
   */
  load(model: ModelSource): Promise<BackendInfo>;
  /**
   * One evaluation. Reads every graph input from `inputs` and writes every graph output into `outputs`.
   *
   * @returns time of the evaluation itself, ms
   * @throws {OmpError} INVALID_STATE, BACKEND_FAILED
   */
  infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number>;
  /** An inference follows at once: wakes what must be awake for it, while the caller gets its inputs ready. */
  prepare?(): void;
  /** Waits for a running inference, then releases everything. Safe twice. */
  close(): Promise<void>;
}

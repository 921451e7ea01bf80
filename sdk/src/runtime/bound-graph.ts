import { asOmpError, ErrorCode, OmpError } from "../errors.ts";
import { tensorBuffer } from "../internal/tensor-buffer.ts";
import type { TensorBuffers, TensorInfo, TensorMemory } from "./inference-backend.ts";

// Every runtime of the sdk has it; it is no part of the language, so the compiler does not know it.
declare const performance: { now(): number };

interface ValueMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/** What omp-edge uses of an onnxruntime session; every build of onnxruntime for JavaScript has it. */
export interface GraphSession<Tensor> {
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches: Readonly<Record<string, Tensor | null>>,
  ): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

export interface BoundGraphParts<Tensor> {
  readonly session: GraphSession<Tensor>;
  /** A float32 tensor on `data`; the runtime reads that memory anew in every run. */
  readonly createTensor: (data: Float32Array, shape: readonly number[]) => Tensor;
  /** True when `run` writes into the tensors it is to fetch; otherwise it answers with new ones. */
  readonly writesFetches: boolean;
}

interface BoundTensor<Tensor> {
  readonly tensor: Tensor;
  readonly data: Float32Array;
}

const BATCH = 10;
const MAX_WARM_UP_RUNS = 100;
const STABLE_RATIO = 0.9;

/** A loaded graph of float32 tensors of fixed shapes, its inputs bound to memory of its own. */
export class BoundGraph<Tensor extends { readonly data: unknown }> {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly memory: TensorMemory;
  readonly #session: GraphSession<Tensor>;
  readonly #writesFetches: boolean;
  readonly #boundInputs: ReadonlyMap<string, BoundTensor<Tensor>>;
  readonly #boundOutputs: ReadonlyMap<string, BoundTensor<Tensor>>;
  readonly #feeds: Readonly<Record<string, Tensor>>;
  readonly #fetches: Readonly<Record<string, Tensor | null>>;
  #results: Readonly<Record<string, Tensor>> = {};
  #running: Promise<number> | undefined;

  /** @throws {OmpError} BACKEND_LOAD_FAILED when a value of the graph is no float32 tensor of fixed shape */
  constructor({ session, createTensor, writesFetches }: BoundGraphParts<Tensor>) {
    const bind = (infos: readonly TensorInfo[]): ReadonlyMap<string, BoundTensor<Tensor>> =>
      new Map(
        infos.map(({ name, shape }) => {
          const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
          return [name, { tensor: createTensor(data, shape), data }];
        }),
      );
    this.#session = session;
    this.#writesFetches = writesFetches;
    this.inputs = session.inputMetadata.map(tensorInfo);
    this.outputs = session.outputMetadata.map(tensorInfo);
    this.#boundInputs = bind(this.inputs);
    this.#boundOutputs = bind(this.outputs);
    this.memory = { inputs: memoryOf(this.#boundInputs), outputs: memoryOf(this.#boundOutputs) };
    const tensorOf = ([name, { tensor }]: [string, BoundTensor<Tensor>]): [string, Tensor] => [
      name,
      tensor,
    ];
    this.#feeds = Object.fromEntries([...this.#boundInputs].map(tensorOf));
    this.#fetches = Object.fromEntries(
      [...this.#boundOutputs].map((bound) =>
        writesFetches ? tensorOf(bound) : ([bound[0], null] as const),
      ),
    );
  }

  /** First runs are up to 3 times slower: runs on zeros until the fastest of ten stops improving by a tenth. */
  async warmUp(): Promise<void> {
    let previousMs = Number.POSITIVE_INFINITY;
    for (let runs = 0; runs < MAX_WARM_UP_RUNS; runs += BATCH) {
      let fastestMs = Number.POSITIVE_INFINITY;
      for (let i = 0; i < BATCH; i += 1) fastestMs = Math.min(fastestMs, await this.#run());
      if (fastestMs > previousMs * STABLE_RATIO) return;
      previousMs = fastestMs;
    }
  }

  /** As `InferenceBackend.infer`. */
  async infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number> {
    if (this.#running !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the session cannot infer",
        observed: "an inference is running",
      });
    }
    for (const [name, { data }] of this.#boundInputs) {
      copyUnlessSame(tensorBuffer(inputs, name, data.length), data);
    }
    for (const [name, { data }] of this.#boundOutputs) tensorBuffer(outputs, name, data.length);
    this.#running = this.#run();
    try {
      const ms = await this.#running;
      for (const [name, { data }] of this.#boundOutputs) {
        const answer = this.#writesFetches ? data : this.#result(name, data.length);
        copyUnlessSame(answer, tensorBuffer(outputs, name, data.length));
      }
      return ms;
    } finally {
      this.#running = undefined;
    }
  }

  /** Waits for a running inference, then releases the session. Once. */
  async close(): Promise<void> {
    await this.#running?.catch(() => 0);
    await this.#session.release();
  }

  async #run(): Promise<number> {
    const startMs = performance.now();
    try {
      this.#results = await this.#session.run(this.#feeds, this.#fetches);
    } catch (error) {
      throw asOmpError(error, ErrorCode.BackendFailed, "onnxruntime could not run the graph");
    }
    return performance.now() - startMs;
  }

  #result(name: string, size: number): Float32Array {
    const data = this.#results[name]?.data;
    if (data instanceof Float32Array && data.length === size) return data;
    throw new OmpError(ErrorCode.BackendFailed, {
      what: `onnxruntime gave no usable ${name}`,
      expected: `${size} float32 numbers`,
    });
  }
}

function memoryOf(
  bound: ReadonlyMap<string, { readonly data: Float32Array }>,
): TensorMemory["inputs"] {
  return new Map([...bound].map(([name, { data }]) => [name, data]));
}

function copyUnlessSame(from: Float32Array, to: Float32Array): void {
  if (from !== to) to.set(from);
}

function tensorInfo({ name, isTensor, type, shape = [] }: ValueMetadata): TensorInfo {
  if (!isTensor || type !== "float32") {
    throw new OmpError(ErrorCode.BackendLoadFailed, {
      what: `graph value ${name} cannot be used`,
      observed: isTensor ? String(type) : "no tensor",
      expected: "a float32 tensor",
    });
  }
  return { name, dtype: "float32", shape: shape.map((size) => fixedSize(name, size)) };
}

function fixedSize(name: string, size: number | string): number {
  if (typeof size === "number" && size > 0) return size;
  throw new OmpError(ErrorCode.BackendLoadFailed, {
    what: `graph value ${name} has a free dimension`,
    observed: String(size),
    expected: "a fixed shape",
    next: "Export the policy with batch 1.",
  });
}

import type * as OrtModule from "onnxruntime-node";
import type { InferenceSession as Session, Tensor } from "onnxruntime-node";

import { asOmpError, ErrorCode, OmpError } from "../../errors.ts";
import { tensorBuffer } from "../../internal/tensor-buffer.ts";
import type {
  BackendInfo,
  InferenceBackend,
  ModelSource,
  TensorBuffers,
  TensorInfo,
} from "../inference-backend.ts";

/** How onnxruntime-node runs a graph. */
export interface OrtOptions {
  /** Execution providers in order of preference, as onnxruntime names them. Default `["cpu"]`. */
  readonly executionProviders?: readonly string[];
  /** Take a later provider of the list, or the CPU, when the first one cannot run. Default false. */
  readonly allowFallback?: boolean;
  /** Threads of one inference, 1 to 64. Default 1: a small model gains nothing and the control loop keeps its cores. */
  readonly intraOpNumThreads?: number;
}

const BATCH = 10;
const MAX_WARM_UP_RUNS = 100;
const STABLE_RATIO = 0.9;

type Ort = typeof OrtModule;

/** A tensor and the memory it was made on; onnxruntime reads and writes that memory in place. */
interface BoundTensor {
  readonly tensor: Tensor;
  readonly data: Float32Array;
}

/**
 * onnxruntime on the calling thread: `infer` blocks it. Use it where nothing else runs (a worker, a script).
 */
export class OrtSession implements InferenceBackend {
  readonly #options: Required<OrtOptions>;
  #session: Session | undefined;
  #inputs: ReadonlyMap<string, BoundTensor> = new Map();
  #outputs: ReadonlyMap<string, BoundTensor> = new Map();
  #feeds: Readonly<Record<string, Tensor>> = {};
  #fetches: Readonly<Record<string, Tensor>> = {};
  #running: Promise<number> | undefined;

  constructor(options: OrtOptions = {}) {
    this.#options = {
      executionProviders: options.executionProviders ?? ["cpu"],
      allowFallback: options.allowFallback ?? false,
      intraOpNumThreads: options.intraOpNumThreads ?? 1,
    };
  }

  async load(model: ModelSource): Promise<BackendInfo> {
    if (this.#session !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, { what: "this session has a model already" });
    }
    const ort = await loadOrt();
    const { session, provider } = await this.#open(ort, model);
    this.#session = session;
    const inputs = session.inputMetadata.map(tensorInfo);
    const outputs = session.outputMetadata.map(tensorInfo);
    this.#inputs = bindTensors(ort, inputs);
    this.#outputs = bindTensors(ort, outputs);
    this.#feeds = tensorsOf(this.#inputs);
    this.#fetches = tensorsOf(this.#outputs);
    await this.#warmUp();
    const runtime = `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`;
    return { activeProvider: provider, runtime, inputs, outputs };
  }

  async infer(inputs: TensorBuffers, outputs: TensorBuffers): Promise<number> {
    if (this.#session === undefined || this.#running !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the session cannot infer",
        observed: this.#session === undefined ? "no model is loaded" : "an inference is running",
      });
    }
    for (const [name, { data }] of this.#inputs) data.set(tensorBuffer(inputs, name, data.length));
    for (const [name, { data }] of this.#outputs) tensorBuffer(outputs, name, data.length);
    this.#running = this.#run(this.#session);
    try {
      const ms = await this.#running;
      for (const [name, { data }] of this.#outputs) outputs.get(name)?.set(data);
      return ms;
    } finally {
      this.#running = undefined;
    }
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await this.#running?.catch(() => 0);
    await session?.release();
  }

  async #run(session: Session): Promise<number> {
    const startNs = process.hrtime.bigint();
    try {
      await session.run(this.#feeds, this.#fetches);
    } catch (error) {
      throw asOmpError(error, ErrorCode.BackendFailed, "onnxruntime could not run the graph");
    }
    return Number(process.hrtime.bigint() - startNs) / 1e6;
  }

  /** First runs are up to 3 times slower: runs on zeros until the fastest of ten stops improving by a tenth. */
  async #warmUp(): Promise<void> {
    if (this.#session === undefined) return;
    let previousMs = Number.POSITIVE_INFINITY;
    for (let runs = 0; runs < MAX_WARM_UP_RUNS; runs += BATCH) {
      let fastestMs = Number.POSITIVE_INFINITY;
      for (let i = 0; i < BATCH; i += 1) {
        fastestMs = Math.min(fastestMs, await this.#run(this.#session));
      }
      if (fastestMs > previousMs * STABLE_RATIO) return;
      previousMs = fastestMs;
    }
  }

  /** Providers are tried one by one: given a list, onnxruntime would drop on some platforms what it lacks in silence. */
  async #open(ort: Ort, model: ModelSource): Promise<{ session: Session; provider: string }> {
    const [first = "cpu", ...rest] = this.#options.executionProviders;
    const candidates = this.#options.allowFallback
      ? [...new Set([first, ...rest, "cpu"])]
      : [first];
    const present = ort.listSupportedBackends().map(({ name }) => name);
    const refusals: string[] = [];
    let cause: unknown;
    for (const provider of candidates) {
      if (!present.includes(provider)) {
        refusals.push(
          `${provider}: not in this build of onnxruntime (it has ${present.join(", ")})`,
        );
        continue;
      }
      try {
        return { session: await this.#create(ort, model, provider), provider };
      } catch (error) {
        cause = error;
        refusals.push(`${provider}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const isProviderToBlame = first !== "cpu" && !this.#options.allowFallback;
    throw new OmpError(
      isProviderToBlame ? ErrorCode.BackendProviderUnavailable : ErrorCode.BackendLoadFailed,
      {
        what: isProviderToBlame
          ? `the execution provider ${first} cannot run the model here`
          : `cannot load the model ${"path" in model ? model.path : "from memory"}`,
        observed: refusals.join("; "),
        next: isProviderToBlame ? "Install it, or allow the CPU with allowFallback." : "",
        cause,
      },
    );
  }

  async #create(ort: Ort, model: ModelSource, provider: string): Promise<Session> {
    const options: Session.SessionOptions = {
      executionProviders: [provider],
      intraOpNumThreads: this.#options.intraOpNumThreads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    };
    if ("path" in model) return ort.InferenceSession.create(model.path, options);
    return ort.InferenceSession.create(model.bytes, options);
  }
}

/** On first use only: the native library is 46 MB and not every user of `omp-edge/node` infers. */
async function loadOrt(): Promise<Ort> {
  try {
    return await import("onnxruntime-node");
  } catch (error) {
    throw new OmpError(ErrorCode.BackendLoadFailed, {
      what: "onnxruntime-node cannot be loaded",
      observed: error instanceof Error ? error.message : String(error),
      next: "Install it with ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node.",
      cause: error,
    });
  }
}

function tensorInfo(metadata: Session.ValueMetadata): TensorInfo {
  const { name } = metadata;
  if (!metadata.isTensor || metadata.type !== "float32") {
    throw new OmpError(ErrorCode.BackendLoadFailed, {
      what: `graph value ${name} cannot be used`,
      observed: metadata.isTensor ? metadata.type : "no tensor",
      expected: "a float32 tensor",
    });
  }
  return { name, dtype: "float32", shape: metadata.shape.map((size) => fixedSize(name, size)) };
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

function bindTensors(ort: Ort, infos: readonly TensorInfo[]): ReadonlyMap<string, BoundTensor> {
  return new Map(
    infos.map(({ name, shape }) => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      return [name, { tensor: new ort.Tensor("float32", data, shape), data }];
    }),
  );
}

function tensorsOf(bound: ReadonlyMap<string, BoundTensor>): Readonly<Record<string, Tensor>> {
  return Object.fromEntries([...bound].map(([name, { tensor }]) => [name, tensor]));
}

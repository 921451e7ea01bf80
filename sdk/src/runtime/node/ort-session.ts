import type { InferenceSession as Session, Tensor } from "onnxruntime-node";

import { ErrorCode, OmpError } from "../../errors.ts";
import { GraphBackend, type OpenedGraph } from "../graph-backend.ts";
import type { ModelFile } from "../inference-backend.ts";
import { chosenOnnxRuntime, loadOnnxRuntime, type Ort } from "./onnxruntime-module.ts";

/** How onnxruntime-node runs a graph. */
export interface OrtOptions {
  /** Execution providers in order of preference, as onnxruntime names them. Default `["cpu"]`. */
  readonly executionProviders?: readonly string[];
  /** Take a later provider of the list, or the CPU, when the first one cannot run. Default false. */
  readonly allowFallback?: boolean;
  /** Threads of one inference, 1 to 64. Default 1: a small model gains nothing and the control loop keeps its cores. */
  readonly intraOpNumThreads?: number;
  /**
   * Whether the threads of an inference wait for each other's work by spinning: faster, and each costs a core meanwhile. Means
   * nothing with one thread. Default false: the control loop needs a core.
   */
  readonly allowSpinning?: boolean;
  /** How far onnxruntime rewrites the graph when it loads it. Default `all`. */
  readonly graphOptimizationLevel?: GraphOptimizationLevel;
  /**
   * Another build of onnxruntime for Node, such as one with CUDA and TensorRT for JetPack: a path, or a package's name as seen
   * from the working directory. Default: what the environment's OMP_ONNXRUNTIME names, else the package onnxruntime-node.
   */
  readonly onnxruntime?: string;
}

export const graphOptimizationLevels = ["disabled", "basic", "extended", "all"] as const;
export type GraphOptimizationLevel = (typeof graphOptimizationLevels)[number];

/**
 * onnxruntime on the calling thread: `infer` blocks it. Use it where nothing else runs (a worker, a script).
 */
export class OrtSession extends GraphBackend<Tensor> {
  readonly #options: Required<Omit<OrtOptions, "onnxruntime">>;
  readonly #onnxruntime: string | undefined;

  constructor(options: OrtOptions = {}) {
    super();
    this.#options = {
      executionProviders: options.executionProviders ?? ["cpu"],
      allowFallback: options.allowFallback ?? false,
      intraOpNumThreads: options.intraOpNumThreads ?? 1,
      allowSpinning: options.allowSpinning ?? false,
      graphOptimizationLevel: options.graphOptimizationLevel ?? "all",
    };
    this.#onnxruntime = chosenOnnxRuntime(options.onnxruntime);
  }

  protected override async open(model: ModelFile): Promise<OpenedGraph<Tensor>> {
    const ort = await loadOnnxRuntime(this.#onnxruntime);
    const { session, provider } = await this.#open(ort, model);
    return {
      session,
      createTensor: (data, shape) => new ort.Tensor("float32", data, shape),
      writesFetches: true,
      activeProvider: provider,
      runtime: this.#describe(ort),
    };
  }

  #describe({ env }: Ort): string {
    const runtime = `onnxruntime-node ${env.versions.node ?? env.versions.common}`;
    return this.#onnxruntime === undefined ? runtime : `${runtime} from ${this.#onnxruntime}`;
  }

  /** Providers are tried one by one: given a list, onnxruntime would drop on some platforms what it lacks in silence. */
  async #open(ort: Ort, model: ModelFile): Promise<{ session: Session; provider: string }> {
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

  async #create(ort: Ort, model: ModelFile, provider: string): Promise<Session> {
    const options: Session.SessionOptions = {
      executionProviders: [provider],
      intraOpNumThreads: this.#options.intraOpNumThreads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: this.#options.graphOptimizationLevel,
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: this.#options.allowSpinning ? "1" : "0" } } },
    };
    if ("path" in model) return ort.InferenceSession.create(model.path, options);
    return ort.InferenceSession.create(model.bytes, options);
  }
}

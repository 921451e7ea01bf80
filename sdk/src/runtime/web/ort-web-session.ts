import type * as OrtModule from "onnxruntime-web";
import type { InferenceSession as Session, Tensor } from "onnxruntime-web";

import { asOmpError, ErrorCode, OmpError } from "../../errors.ts";
import { GraphBackend, type OpenedGraph } from "../graph-backend.ts";
import type { ModelFile } from "../inference-backend.ts";

/** How onnxruntime-web runs a graph. Its WebAssembly is loaded once: all sessions of a page share the first one's options. */
export interface OrtWebOptions {
  /**
   * Threads of one inference, 1 to 64. Default 1. In a browser more of them need shared memory, which only a page has
   * that is served with `Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`, and
   * a `wasmPaths` with the `.mjs`, which every thread loads by itself.
   */
  readonly numThreads?: number;
  /**
   * Folder that holds `ort-wasm-simd-threaded.wasm` and `ort-wasm-simd-threaded.mjs` of onnxruntime-web, with a slash at
   * the end, or the URL of each. Default: the `.wasm` lies beside the bundled script.
   */
  readonly wasmPaths?: string | OrtWasmFiles;
}

export interface OrtWasmFiles {
  readonly wasm?: string;
  readonly mjs?: string;
}

type Ort = typeof OrtModule;

const MAX_THREADS = 64;
const PROVIDER = "wasm";

/** Options that the WebAssembly of this page was loaded with. */
const loaded: { options?: string } = {};

/**
 * onnxruntime-web on WebAssembly, in a browser or in Node. `infer` blocks the thread it is called on; a page that must stay
 * smooth calls it in a Web Worker.
 */
export class OrtWebSession extends GraphBackend<Tensor> {
  readonly #options: OrtWebOptions;
  readonly #numThreads: number;

  /** @throws {OmpError} INVALID_ARGUMENT */
  constructor(options: OrtWebOptions = {}) {
    super();
    const { numThreads = 1 } = options;
    if (!Number.isInteger(numThreads) || numThreads < 1 || numThreads > MAX_THREADS) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "option numThreads is out of range",
        observed: String(numThreads),
        expected: `an integer from 1 to ${MAX_THREADS}`,
      });
    }
    this.#options = options;
    this.#numThreads = numThreads;
  }

  /** @throws {OmpError} BACKEND_LOAD_FAILED; INVALID_STATE when the page's WebAssembly was loaded with other options */
  protected override async open(model: ModelFile): Promise<OpenedGraph<Tensor>> {
    const ort = await loadOrt();
    this.#configure(ort);
    return {
      session: await create(ort, model),
      createTensor: (data, shape) => new ort.Tensor("float32", data, shape),
      writesFetches: false,
      activeProvider: PROVIDER,
      runtime: `onnxruntime-web ${ort.env.versions.web ?? ort.env.versions.common}`,
    };
  }

  /** onnxruntime-web would take one thread where there is no shared memory, and ignore options that come too late, in silence. */
  #configure({ env }: Ort): void {
    const { wasmPaths } = this.#options;
    const options = JSON.stringify([this.#numThreads, wasmPaths ?? null]);
    if (loaded.options !== undefined && loaded.options !== options) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "onnxruntime-web was loaded with other options",
        observed: `[numThreads, wasmPaths] ${options}`,
        expected: loaded.options,
        next: "Give every session of a page the same options.",
      });
    }
    if (this.#numThreads > 1) requireThreads(this.#numThreads, wasmPaths);
    loaded.options = options;
    env.wasm.numThreads = this.#numThreads;
    if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
  }
}

/** @throws {OmpError} BACKEND_LOAD_FAILED when this page cannot have threads; Node always can */
function requireThreads(count: number, wasmPaths: OrtWebOptions["wasmPaths"]): void {
  const isIsolated: boolean | undefined = globalThis.crossOriginIsolated;
  if (isIsolated === undefined) return;
  if (!isIsolated) {
    throw new OmpError(ErrorCode.BackendLoadFailed, {
      what: `${count} threads need shared memory, which this page does not have`,
      next: "Serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or take one thread.",
    });
  }
  if (typeof wasmPaths !== "string" && wasmPaths?.mjs === undefined) {
    throw new OmpError(ErrorCode.BackendLoadFailed, {
      what: `${count} threads need the option wasmPaths with the .mjs of onnxruntime-web`,
      next: "Without it every thread would load this page's whole script, which is not made for that.",
    });
  }
}

async function create(ort: Ort, model: ModelFile): Promise<Session> {
  const options: Session.SessionOptions = {
    executionProviders: [PROVIDER],
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  };
  try {
    if ("path" in model) return await ort.InferenceSession.create(model.path, options);
    return await ort.InferenceSession.create(model.bytes, options);
  } catch (error) {
    const what = `cannot load the model ${"path" in model ? model.path : "from memory"}`;
    throw asOmpError(error, ErrorCode.BackendLoadFailed, what);
  }
}

/** Imported on first use, because the package is an optional peer. In Node the package's own build for Node is taken. */
async function loadOrt(): Promise<Ort> {
  try {
    return await import("#onnxruntime-web");
  } catch (error) {
    throw new OmpError(ErrorCode.BackendLoadFailed, {
      what: "onnxruntime-web cannot be loaded",
      observed: error instanceof Error ? error.message : String(error),
      next: "Install it with `npm install onnxruntime-web@1.30.0`.",
      cause: error,
    });
  }
}

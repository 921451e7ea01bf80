import type { ErrorCode, ErrorReport } from "../../errors.ts";
import type { BackendInfo, ModelSource } from "../inference-backend.ts";
import type { OrtOptions } from "./ort-session.ts";

/** Main thread to worker. */
export type WorkerRequest =
  | { readonly kind: "load"; readonly model: ModelSource; readonly options: OrtOptions }
  | { readonly kind: "infer" }
  | { readonly kind: "close" };

/** An `OmpError` without its cause. */
export interface SentError {
  readonly code: ErrorCode;
  readonly report: ErrorReport;
}

/** Worker to main thread; exactly one for every request. */
export type WorkerReply =
  | { readonly kind: "loaded"; readonly info: BackendInfo; readonly memory: SharedTensors }
  | { readonly kind: "inferred"; readonly ms: number }
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly error: SentError };

/** Every input and output once, on shared memory. */
export interface SharedTensors {
  readonly inputs: ReadonlyMap<string, Float32Array>;
  readonly outputs: ReadonlyMap<string, Float32Array>;
}

import type { ErrorCode, ErrorReport } from "../../errors.ts";
import type { BackendInfo, ModelSource, TensorMemory } from "../inference-backend.ts";
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

/** Worker to main thread; exactly one for every request. The memory of a loaded graph is shared. */
export type WorkerReply =
  | {
      readonly kind: "loaded";
      readonly info: Omit<BackendInfo, "memory">;
      readonly memory: TensorMemory;
    }
  | { readonly kind: "inferred"; readonly ms: number }
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly error: SentError };

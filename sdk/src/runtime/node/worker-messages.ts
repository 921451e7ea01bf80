import type { BackendInfo, ModelSource, TensorMemory } from "../inference-backend.ts";
import type { SignalMemory } from "./call-signal.ts";
import type { OrtOptions } from "./ort-session.ts";
import type { SentError } from "./sent-error.ts";

/** Main thread to worker, once. */
export interface WorkerRequest {
  readonly model: ModelSource;
  readonly options: OrtOptions;
}

/** Worker to main thread. A failure to load ends the worker; one to infer does not. */
export type WorkerReply =
  | {
      readonly kind: "loaded";
      readonly info: Omit<BackendInfo, "memory">;
      readonly memory: SharedTensors;
    }
  | { readonly kind: "failed"; readonly error: SentError };

/** Every input and output once, and the signal of the calls, on shared memory. */
export interface SharedTensors extends TensorMemory {
  readonly signal: SignalMemory;
}

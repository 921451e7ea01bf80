import type { Fault } from "../../faults.ts";
import type { TripleBufferMemory } from "../../internal/triple-buffer.ts";
import type { LoopState } from "../../loop-state.ts";
import type { SentError } from "./sent-error.ts";
import type { ThreadPriority } from "./thread-priority.ts";

/** `workerData` of a control thread. */
export interface ControlThreadStart {
  /** URL of the module that makes the loop's parts. */
  readonly module: string;
  readonly data: unknown;
  readonly words: Int32Array;
  readonly priority: number;
  readonly mainTimeoutMs: number;
  readonly wantsTelemetry: boolean;
}

/** Words that both threads read and write at any time, whatever waits in their message queues. Times are whole ms, wrapped to 32 bits. */
export const Word = {
  /** Emergency stops asked for. */
  EmergencyStops: 0,
  /** When the main thread last ran. */
  MainAliveAt: 1,
  /** When the control thread last ran. */
  ControlAliveAt: 2,
  /** Index in `loopStates`. */
  State: 3,
  /** 1: the process is about to exit. */
  IsExiting: 4,
  /** 1: the arm has been told to stop and no inference runs. */
  IsDrained: 5,
  Count: 6,
} as const;

export const loopStates: readonly LoopState[] = ["idle", "arming", "running", "holding", "faulted"];

/** What the main thread may ask the loop to do. */
export type ControlCall =
  | { readonly name: "start"; readonly paused: boolean }
  | { readonly name: "stop" }
  | { readonly name: "rearm" }
  | { readonly name: "pause" }
  | { readonly name: "restartEpisode"; readonly seed: number | undefined }
  | {
      readonly name: "moveTo";
      readonly positions: readonly number[];
      readonly fraction: number | undefined;
    }
  | { readonly name: "ask"; readonly question: string; readonly argument: unknown }
  | { readonly name: "close" };

/** Main thread to control thread. `look` says nothing: it makes an idle thread look at the words. */
export type ControlRequest =
  | { readonly kind: "call"; readonly id: number; readonly call: ControlCall }
  | { readonly kind: "look" };

/** Control thread to main thread. `ready` or `failed` first; one `settled` for every call. */
export type ControlReply =
  | {
      readonly kind: "ready";
      readonly priority: ThreadPriority;
      readonly jointCount: number;
      readonly figures: TripleBufferMemory;
    }
  | { readonly kind: "failed"; readonly error: SentError }
  | {
      readonly kind: "settled";
      readonly id: number;
      readonly value?: unknown;
      readonly error?: SentError;
    }
  | { readonly kind: "state"; readonly state: LoopState; readonly previous: LoopState }
  | { readonly kind: "fault"; readonly fault: Fault }
  | {
      readonly kind: "event";
      readonly name: string;
      readonly fields: Readonly<Record<string, string | number | boolean>>;
    };

/** Milliseconds from one wrapped time to a later one. */
export function elapsedMs(sinceMs: number, nowMs: number): number {
  return (nowMs - sinceMs) | 0;
}

import { ErrorCode, OmpError } from "./errors.ts";

import type { Fault } from "./faults.ts";
import type { ActionChunk, Trajectory } from "./types.ts";

/**
 * idle ─start► arming ─armed► holding ◄─► running ; any but idle ─fault► faulted ─rearm► arming ; any ─stop► idle
 *
 * `running`: the policy's waypoints are executed. `holding`: the arm is armed and follows no policy, because it was asked to
 * wait, moves to a pose, or waits for a fresh observation or for a policy that is sure. `faulted`: motion needs `rearm()`.
 */
export type LoopState = "idle" | "arming" | "running" | "holding" | "faulted";

/** What may happen to a loop. */
export type LoopInput = "start" | "armed" | "run" | "hold" | "fault" | "rearm" | "stop";

const transitions: Readonly<Record<LoopState, Partial<Record<LoopInput, LoopState>>>> = {
  idle: { start: "arming", stop: "idle" },
  arming: { armed: "holding", fault: "faulted", stop: "idle" },
  holding: { run: "running", hold: "holding", fault: "faulted", stop: "idle" },
  running: { run: "running", hold: "holding", fault: "faulted", stop: "idle" },
  faulted: { fault: "faulted", rearm: "arming", stop: "idle" },
};

/** The state after `input`, or undefined when `state` does not allow it. */
export function nextLoopState(state: LoopState, input: LoopInput): LoopState | undefined {
  return transitions[state][input];
}

/** What the loop counted since it was made. */
export interface LoopCounters {
  ticks: number;
  /** Tick instants that were skipped because the process was busy. */
  ticksSkipped: number;
  inferences: number;
  /** Chunks computed before a fault, a stop or a new episode, and thrown away. */
  chunksDiscarded: number;
  /** Trajectories the link accepted for sending. */
  trajectoriesSent: number;
  /** Trajectories the link could not take. */
  trajectoriesDropped: number;
  /** Trajectories the controller found late. */
  trajectoriesLate: number;
  /** Times the arm ran out of waypoints while running. */
  starvations: number;
  /** Times the loop held because an observation was stale or missing. */
  staleHolds: number;
  /** Times the loop held because the samples of a chunk disagreed too far. */
  spreadHolds: number;
  /** Times the loop held because a joint's effort or following error stayed past its limit. */
  limitHolds: number;
  /** Chunks of which no waypoint stays in the workspace. */
  chunksOutside: number;
  faults: number;
}

/** All counters at 0. */
export function createLoopCounters(): LoopCounters {
  return {
    ticks: 0,
    ticksSkipped: 0,
    inferences: 0,
    chunksDiscarded: 0,
    trajectoriesSent: 0,
    trajectoriesDropped: 0,
    trajectoriesLate: 0,
    starvations: 0,
    staleHolds: 0,
    spreadHolds: 0,
    limitHolds: 0,
    chunksOutside: 0,
    faults: 0,
  };
}

/** Listeners are called synchronously and must not throw. */
export interface LoopEvents {
  stateChanged(state: LoopState, previous: LoopState): void;
  faulted(fault: Fault): void;
  /** What was handed to the link, as the guard left it. Owned by the loop: copy what you keep. */
  trajectorySent(trajectory: Trajectory, chunk: ActionChunk): void;
}

/** @throws {OmpError} INVALID_STATE naming the call, unless `state` is one of `allowed` */
export function requireLoopState(
  call: string,
  state: LoopState,
  ...allowed: readonly LoopState[]
): void {
  if (allowed.includes(state)) return;
  throw new OmpError(ErrorCode.InvalidState, {
    what: `${call}() is not possible now`,
    observed: `state ${state}`,
    expected: allowed.join(" or "),
  });
}

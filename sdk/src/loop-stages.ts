import { ErrorCode, OmpError } from "./errors.ts";
import { ActionGuard } from "./action-guard.ts";
import type { LinkDescription } from "./actuator-link.ts";
import { ChunkRunner, type ChunkRunnerParts } from "./chunk-runner.ts";
import { ChunkScheduler } from "./chunk-scheduler.ts";
import { Workspace } from "./guard/workspace.ts";
import type { ChunkHandover } from "./handover/chunk-handover.ts";
import { matchJoints, tightenJoints } from "./internal/match-joints.ts";
import type { GuardOptions } from "./loop-parts.ts";
import type { ObservationBuffer } from "./observation-buffer.ts";
import type { ControlLoopOptions } from "./options.ts";
import type { Joint } from "./types.ts";

/** The stages of a loop for one controller; read their counters and histograms. */
export interface LoopStages {
  readonly description: LinkDescription;
  /** With the tighter limits of bundle and controller. */
  readonly joints: readonly Joint[];
  /** How far ahead of now a ramp begins at least. */
  readonly leadMs: number;
  readonly buffer: ObservationBuffer;
  readonly guard: ActionGuard;
  readonly scheduler: ChunkScheduler;
  readonly runner: ChunkRunner;
}

/**
 * @throws {OmpError} LINK_MISMATCH, also for a policy whose actions are no joint positions; INVALID_ARGUMENT and ROBOT_MODEL_INVALID
 *   for limits and a workspace that do not fit the joints
 */
export function createLoopStages(
  parts: Omit<ChunkRunnerParts, "guard" | "scheduler">,
  description: LinkDescription,
  options: ControlLoopOptions,
  handover: ChunkHandover,
  { workspace, limits = {} }: GuardOptions = {},
): LoopStages {
  const { action, policy } = parts.slot.policy.manifest;
  if (action.kind !== "joint_position") {
    throw new OmpError(ErrorCode.LinkMismatch, {
      what: "the policy does not command joints",
      observed: `actions of kind ${action.kind}`,
      expected: "joint_position",
    });
  }
  const joints = tightenJoints(matchJoints(action.joints, description.joints), limits);
  const leadMs = Math.max(options.minLeadMs, description.minLeadMs);
  const guard = new ActionGuard(
    joints,
    options.maxFirstStepRatio,
    options.excessToleranceMs,
    workspace && new Workspace(workspace, joints, description.joints),
  );
  const { maxWaypoints } = description;
  const scheduler = new ChunkScheduler(policy, joints.length, leadMs, maxWaypoints, handover);
  const runner = new ChunkRunner({ ...parts, guard, scheduler });
  return { description, joints, leadMs, buffer: parts.buffer, guard, scheduler, runner };
}

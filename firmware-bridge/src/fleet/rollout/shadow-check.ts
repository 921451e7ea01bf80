import { ActionGuard } from "../../../../sdk/src/action-guard.ts";
import type { OmpPolicy } from "../../../../sdk/src/policy.ts";
import { createRandom } from "../../../../sdk/src/random.ts";
import type { ActionChunk, Joint, Observation } from "../../../../sdk/src/types.ts";

export interface ShadowLimits {
  /** Observations that must have been recorded; 0 lets a robot that stands still skip the check. */
  readonly minObservations: number;
  /** How far a row that would be executed may be from the running policy's, in ranges of its joint. */
  readonly maxDeviation: number;
  /** As of the loop. */
  readonly maxFirstStepRatio: number;
}

export interface ShadowParts {
  /** The committed bundle, loaded a second time: the one that drives the arm is busy. */
  readonly reference: OmpPolicy;
  readonly candidate: OmpPolicy;
  readonly observations: readonly Observation[];
  /** With the limits that hold on this robot. */
  readonly joints: readonly Joint[];
  readonly limits: ShadowLimits;
}

/**
 * Lets a candidate answer what the robot saw lately, beside the running policy and from the same noise. Nothing of it reaches the arm.
 *
 * @returns why it must not act, undefined when nothing speaks against it
 * @throws {OmpError} BACKEND_FAILED when an answer is not finite
 */
export async function checkInShadow(parts: ShadowParts): Promise<string | undefined> {
  const { reference, candidate, observations, joints, limits } = parts;
  if (observations.length < limits.minObservations) {
    return `only ${observations.length} of ${limits.minObservations} observations are recorded: let the robot work`;
  }
  const { actionStartIndex, leadSteps, nActionSteps } = candidate.manifest.policy;
  const firstRow = actionStartIndex + leadSteps;
  const guard = new ActionGuard(joints, limits.maxFirstStepRatio);
  for (const [seed, observation] of observations.entries()) {
    const expected = await reference.act(observation, undefined, createRandom(seed));
    const answer = await candidate.act(observation, undefined, createRandom(seed));
    const refusal = guard.admit(answer, firstRow, rowOf(expected, Math.max(0, firstRow - 1)));
    if (refusal !== undefined) return `its answer would be refused: ${refusal.detail}`;
    for (let row = firstRow; row < firstRow + nActionSteps; row += 1) {
      const reason = tooFar(rowOf(expected, row), rowOf(answer, row), joints, limits.maxDeviation);
      if (reason !== undefined) return `row ${row} on observation ${seed}: ${reason}`;
    }
  }
  return undefined;
}

function tooFar(
  expected: Readonly<Float64Array>,
  answer: Readonly<Float64Array>,
  joints: readonly Joint[],
  maxDeviation: number,
): string | undefined {
  for (const [j, { name, minPosition, maxPosition }] of joints.entries()) {
    const distance = Math.abs((answer[j] ?? Number.NaN) - (expected[j] ?? Number.NaN));
    const deviation = distance / (maxPosition - minPosition);
    if (deviation <= maxDeviation) continue;
    return `${name} is ${deviation.toFixed(3)} of its range from the running policy, at most ${maxDeviation} allowed`;
  }
  return undefined;
}

function rowOf({ rows, actionDim }: ActionChunk, row: number): Float64Array {
  return rows.subarray(row * actionDim, (row + 1) * actionDim);
}

import { ErrorCode, OmpError } from "../errors.ts";
import type { Joint, JointSpec } from "../types.ts";

/**
 * The joints both sides agree on, each with the tighter of the two limits.
 *
 * @throws {OmpError} LINK_MISMATCH when names, kinds or order differ, or no position satisfies both
 */
export function matchJoints(
  ofBundle: readonly Joint[],
  ofController: readonly Joint[],
): readonly Joint[] {
  if (text(ofBundle) !== text(ofController)) {
    throw new OmpError(ErrorCode.LinkMismatch, {
      what: "the bundle commands other joints than the controller has",
      observed: text(ofController),
      expected: text(ofBundle),
    });
  }
  return ofBundle.map((joint, i) => {
    const other = ofController[i] ?? joint;
    const minPosition = Math.max(joint.minPosition, other.minPosition);
    const maxPosition = Math.min(joint.maxPosition, other.maxPosition);
    if (minPosition >= maxPosition) {
      throw new OmpError(ErrorCode.LinkMismatch, {
        what: `no position of ${joint.name} is allowed by bundle and controller`,
        observed: `${other.minPosition} to ${other.maxPosition}`,
        expected: `an overlap with ${joint.minPosition} to ${joint.maxPosition}`,
      });
    }
    return {
      name: joint.name,
      kind: joint.kind,
      minPosition,
      maxPosition,
      maxVelocity: Math.min(joint.maxVelocity, other.maxVelocity),
      maxAcceleration: Math.min(joint.maxAcceleration, other.maxAcceleration),
    };
  });
}

function text(joints: readonly JointSpec[]): string {
  return joints.map(({ name, kind }) => `${name} (${kind})`).join(", ");
}

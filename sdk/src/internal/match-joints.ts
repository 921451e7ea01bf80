import { ErrorCode, OmpError } from "../errors.ts";
import type { Joint, JointLimits, JointSpec } from "../types.ts";

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
      ...tighterOf("maxJerk", joint, other),
      ...tighterOf("maxEffort", joint, other),
      ...tighterOf("maxFollowingError", joint, other),
    };
  });
}

type OptionalLimit = "maxJerk" | "maxEffort" | "maxFollowingError";

/** A limit that one side does not have is the other's. */
function tighterOf(name: OptionalLimit, one: Joint, other: Joint): Partial<JointLimits> {
  const limit = Math.min(one[name] ?? Infinity, other[name] ?? Infinity);
  return limit === Infinity ? {} : { [name]: limit };
}

function text(joints: readonly JointSpec[]): string {
  return joints.map(({ name, kind }) => `${name} (${kind})`).join(", ");
}

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
        what: `no position of ${joint.name} is allowed by both sides`,
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

const LIMITS: readonly (keyof JointLimits)[] = [
  "minPosition",
  "maxPosition",
  "maxVelocity",
  "maxAcceleration",
  "maxJerk",
  "maxEffort",
  "maxFollowingError",
];

/**
 * Joints with the tighter of their own limits and those of `limits`.
 *
 * @param limits by joint name
 * @throws {OmpError} INVALID_ARGUMENT for a joint or limit that does not exist or a value that limits nothing; LINK_MISMATCH when no
 *   position is left
 */
export function tightenJoints(
  joints: readonly Joint[],
  limits: Readonly<Record<string, Partial<JointLimits>>>,
): readonly Joint[] {
  for (const [name, ofJoint] of Object.entries(limits)) {
    requireKnown(
      "joint",
      name,
      joints.map((joint) => joint.name),
    );
    for (const [limit, value] of Object.entries(ofJoint)) {
      requireKnown(`limit of ${name}`, limit, LIMITS);
      if (Number.isFinite(value) && (limit.endsWith("Position") || value > 0)) continue;
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: `${limit} of ${name} is no limit`,
        observed: String(value),
        expected: limit.endsWith("Position") ? "a finite number" : "a finite number above 0",
      });
    }
  }
  return matchJoints(
    joints,
    joints.map((joint) => Object.assign({}, joint, limits[joint.name])),
  );
}

function requireKnown(what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: `there is no ${what} named ${name}`,
    expected: known.join(", "),
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

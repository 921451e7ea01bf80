/** Motion of a joint; it fixes the units of position, velocity, acceleration and effort. */
export type JointKind = "revolute" | "prismatic";

/** What moves. Revolute: rad, rad/s, rad/s², rad/s³, N·m. Prismatic: m, m/s, m/s², m/s³, N. */
export interface JointSpec {
  readonly name: string;
  readonly kind: JointKind;
}

/** What the guard and the controller enforce. Every number is finite; an optional limit that is missing is not enforced. */
export interface JointLimits {
  readonly minPosition: number;
  readonly maxPosition: number;
  /** Magnitude, positive. */
  readonly maxVelocity: number;
  /** Magnitude, positive. */
  readonly maxAcceleration: number;
  /** Of the command, magnitude, positive. */
  readonly maxJerk?: number;
  /** Measured, magnitude, positive. */
  readonly maxEffort?: number;
  /** Largest distance from the measured position to the command, positive. */
  readonly maxFollowingError?: number;
}

/** A joint and its limits, in the order in which they appear in every vector of the robot. */
export type Joint = JointSpec & JointLimits;

/** Measured state of all joints, one element a joint. Owned by the caller, filled in place. */
export interface JointState {
  /** Host clock, ms, of the controller tick the values belong to. */
  measuredAtMs: number;
  readonly position: Float64Array;
  /** What the controller drives the joints to at `measuredAtMs`. */
  readonly command: Float64Array;
  readonly velocity: Float64Array;
  readonly effort: Float64Array;
}

/**
 * What the policy sees: for every observation key the last `nObsSteps` samples, oldest first, row-major
 * `[nObsSteps, ...shape]`. The arrays belong to the observation buffer and are overwritten by its next `observe`.
 */
export interface Observation {
  readonly values: ReadonlyMap<string, Float32Array>;
  /** Host clock, ms: the instant the newest step is aligned to. */
  observedAtMs: number;
}

/**
 * `horizon` action rows of one inference, row-major `[horizon, actionDim]`, physical units.
 *
 * Row `actionStartIndex + j` is the setpoint to be reached at `observedAtMs + (j + 1) * dtMs`; rows before it cover
 * the observed past and are never executed.
 */
export interface ActionChunk {
  readonly rows: Float64Array;
  readonly horizon: number;
  readonly actionDim: number;
  readonly actionStartIndex: number;
  readonly dtMs: number;
  /** Counts inferences of one policy from 1. */
  sequence: number;
  observedAtMs: number;
  /** Time spent in the network evaluation, ms; in all of them where several samples were drawn. */
  inferenceMs: number;
  /** How far several samples for this observation disagree, network units; left out by a policy that draws one. */
  spread?: number;
}

/** Waypoints on a regular grid of the host clock, row-major `[count, jointCount]`, ready for a link. */
export interface Trajectory {
  /** 1 to 65535, wraps; names the trajectory in outcomes. */
  id: number;
  /** Host clock, ms, at which the first waypoint is due. */
  startAtMs: number;
  dtMs: number;
  count: number;
  readonly jointCount: number;
  /** Capacity at least `count * jointCount`. */
  readonly positions: Float64Array;
}

/** Creates a joint state of `jointCount` joints, all zero, measured at minus infinity. */
export function createJointState(jointCount: number): JointState {
  return {
    measuredAtMs: Number.NEGATIVE_INFINITY,
    position: new Float64Array(jointCount),
    command: new Float64Array(jointCount),
    velocity: new Float64Array(jointCount),
    effort: new Float64Array(jointCount),
  };
}

/** Creates an empty trajectory that can hold `capacity` waypoints. */
export function createTrajectory(capacity: number, jointCount: number): Trajectory {
  return {
    id: 0,
    startAtMs: 0,
    dtMs: 0,
    count: 0,
    jointCount,
    positions: new Float64Array(capacity * jointCount),
  };
}

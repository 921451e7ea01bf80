/**
 * Why a control loop latched `faulted`. Each reason stops motion (the controller brakes and holds) and is left only by
 * `rearm()`.
 */
export const FaultReason = {
  /** No fresh observation for longer than `staleFaultMs`. */
  ObservationStale: "observation_stale",
  /** A sensor delivered a value that is not finite or a vector of the wrong length. */
  ObservationInvalid: "observation_invalid",
  /** The policy threw, or did not answer within `inferenceTimeoutMs`. */
  InferenceFailed: "inference_failed",
  /** The guard refused a chunk: not finite, wrong shape, too far from the current command, or from a start outside the limits. */
  ChunkRefused: "chunk_refused",
  /** A joint's effort or following error stayed past its limit for longer than `staleFaultMs`, although the arm held. */
  LimitExceeded: "limit_exceeded",
  /** The link closed or stopped delivering joint state. */
  LinkLost: "link_lost",
  /** The controller refused a trajectory for another reason than lateness. */
  TrajectoryRefused: "trajectory_refused",
  /** The controller latched a fault of its own; `detail` names it. */
  ControllerFault: "controller_fault",
  /** The thread that runs the loop ended, or the one that supervises it has not run for too long; `detail` says which. */
  ThreadLost: "thread_lost",
  /** The operator asked for it: `emergencyStop()`. */
  EmergencyStop: "emergency_stop",
} as const;
export type FaultReason = (typeof FaultReason)[keyof typeof FaultReason];

/** A latched fault. */
export interface Fault {
  readonly reason: FaultReason;
  /** One sentence for a person. */
  readonly detail: string;
  /** Host clock, ms. */
  readonly atMs: number;
}

/** Limits the guard keeps, counted by kind; a clamp is not a fault. */
export const LimitKind = {
  Position: "position",
  Velocity: "velocity",
  Acceleration: "acceleration",
  Jerk: "jerk",
  /** Measured. */
  Effort: "effort",
  /** From the measured position to the command. */
  FollowingError: "following_error",
  /** The box that frames of the robot stay in. */
  Workspace: "workspace",
} as const;
export type LimitKind = (typeof LimitKind)[keyof typeof LimitKind];

import type { Clock } from "../../../sdk/src/clock.ts";
import type { OpenTransport } from "../transport/transport.ts";
import type { ArmCalibration } from "./calibration.ts";

/** Limits of one joint that a calibration does not know. */
export interface JointMotionLimits {
  /** rad/s, positive. */
  readonly maxVelocity: number;
  /** rad/s², positive. */
  readonly maxAcceleration: number;
  /** Farther from its command than this for 100 ms is a fault, rad. 0: not watched, for a gripper that closes on things. Default 0.6. */
  readonly followingError?: number;
}

export interface ServoLinkOptions {
  readonly clock: Clock;
  /** Opens the port: 8 data bits, no parity, one stop bit. */
  readonly openTransport: OpenTransport;
  readonly calibration: ArmCalibration;
  /** By joint name; {@link defaultMotionLimits} where left out. */
  readonly limits?: Readonly<Record<string, JointMotionLimits>>;
  /** Bd, default 1000000. */
  readonly baudRate?: number;
  /** Goals out and states in once each so often, ms, 5 to 100, default 10. */
  readonly cycleMs?: number;
  /** In motion, a host that does not serve the bus for longer than this is a fault, ms, default 100. */
  readonly maxGapMs?: number;
  /** What adapter and operating system may add to an answer, ms, default 20. */
  readonly latencyMs?: number;
  /** Whether the adapter returns what it sends; found out when left out. */
  readonly hasEcho?: boolean;
  /** Read states with fast sync read: Dynamixel only, firmware that has it. Default false. */
  readonly isFastSyncRead?: boolean;
}

/** Slow enough for every servo this link knows. */
export const defaultMotionLimits: Required<JointMotionLimits> = {
  maxVelocity: 2,
  maxAcceleration: 10,
  followingError: 0.6,
};

import { ErrorCode, OmpError } from "./errors.ts";
import type { Joint, JointState, Trajectory } from "./types.ts";

/** What a controller said about itself when the link opened. */
export interface LinkDescription {
  /** For people: "serial /dev/serial/by-id/…", "mqtt arm-7", "loopback". */
  readonly name: string;
  /** In the order of every vector on this link. */
  readonly joints: readonly Joint[];
  readonly firmware: string;
  /** A trajectory must start at least this far ahead of the moment it reaches the controller, ms. */
  readonly minLeadMs: number;
  /** Waypoints one trajectory may hold. */
  readonly maxWaypoints: number;
}

/**
 * closed ─connect► idle ─arm► armed ─► (moving ◄► armed) ; any ─► faulted | closed
 *
 * `faulted`: the controller latched a fault, holds, and refuses motion until `clearFault` and `arm`.
 * `closed`: there is no controller; nothing written before can reach one any more. Only `connect` leaves it.
 */
export type LinkState = "closed" | "idle" | "armed" | "moving" | "faulted";

/** How a controller decided on one trajectory. */
export type TrajectoryVerdict = "accepted" | "late" | "limit" | "full" | "mode" | "range";

export interface LinkEvents {
  /** `detail` names the fault or the reason the link closed; empty otherwise. */
  stateChanged(state: LinkState, detail: string): void;
  trajectoryDecided(id: number, verdict: TrajectoryVerdict): void;
  /** A new joint state can be read. */
  jointStateReceived(): void;
}

/** Ways to lose a frame, each counted; all start at 0 and survive a reconnect. */
export interface LinkCounters {
  framesSent: number;
  framesReceived: number;
  /** Frames the controller answered with OK. */
  framesAcked: number;
  /** Frames the controller answered with a refusal. */
  framesRejected: number;
  /** Trajectories the controller committed. */
  trajectoriesAccepted: number;
  /** Trajectories the controller refused. */
  trajectoriesRejected: number;
  /** Frames this side did not write because the transport was closed or its bound in bytes or age was reached. */
  framesDropped: number;
  /** Received frames with a wrong checksum or of another session. */
  crcErrors: number;
  /** Received bytes that never made a frame: too long, too short, unknown type. */
  framesMalformed: number;
  reconnects: number;
}

/**
 * Carries waypoints to one motor controller and joint state back. Every implementation passes
 * `test/conformance/actuator-link.ts`.
 *
 * The controller interpolates between waypoints, enforces its own limits and stops by itself when it hears nothing for
 * a lease. Nothing is queued for a controller that is not there: what cannot be written now is dropped and counted.
 */
export interface ActuatorLink {
  readonly state: LinkState;
  readonly counters: Readonly<LinkCounters>;
  /**
   * Opens a fresh transport, starts a new session and reads joints and limits. Allowed in `closed`.
   *
   * @throws {OmpError} LINK_OPEN_FAILED, LINK_HANDSHAKE_FAILED, LINK_MISMATCH, LINK_TIMEOUT
   */
  connect(): Promise<LinkDescription>;
  /**
   * Allows motion. The measured position becomes the command, so that nothing jumps. The controller stops by itself `leaseMs`
   * after the last `heartbeat` or accepted trajectory.
   *
   * @param leaseMs whole, 20 to 1000
   * @throws {OmpError} INVALID_ARGUMENT, INVALID_STATE, LINK_REFUSED, LINK_TIMEOUT, LINK_CLOSED
   */
  arm(leaseMs: number): Promise<void>;
  /**
   * Hands over a trajectory without blocking; the outcome arrives as `trajectoryDecided`. Waypoints the controller still
   * holds at or after `startAtMs` are replaced. The trajectory is copied.
   *
   * @returns false when it was dropped because the link is not armed or its transport is full (counted)
   */
  send(trajectory: Trajectory): boolean;
  /** Renews the lease. Called every tick by whoever is alive; the link spaces the frames. */
  heartbeat(): void;
  /** Drops every waypoint; the controller brakes within its limits and holds. */
  hold(): void;
  /** Latches a fault on the controller in any state, without an answer being awaited. */
  emergencyStop(): void;
  /** Copies the newest joint state. False when there is none yet in this session. */
  readJointState(out: JointState): boolean;
  /**
   * Acknowledges the controller's latched fault; it is `idle` afterwards.
   *
   * @throws {OmpError} INVALID_STATE, LINK_REFUSED, LINK_TIMEOUT, LINK_CLOSED
   */
  clearFault(): Promise<void>;
  /** Brakes, then forbids motion. Safe in every state. */
  disarm(): Promise<void>;
  /** Disarms when it can, closes the transport, drops what was not written. Safe in every state, also twice. */
  close(): Promise<void>;
  /** Returns a function that unsubscribes. Listeners are called synchronously and must not throw. */
  on<Name extends keyof LinkEvents>(event: Name, listener: LinkEvents[Name]): () => void;
}

/** All counters at 0. */
export function createLinkCounters(): LinkCounters {
  return {
    framesSent: 0,
    framesReceived: 0,
    framesAcked: 0,
    framesRejected: 0,
    trajectoriesAccepted: 0,
    trajectoriesRejected: 0,
    framesDropped: 0,
    crcErrors: 0,
    framesMalformed: 0,
    reconnects: 0,
  };
}

/** @throws {OmpError} INVALID_ARGUMENT for a lease that `arm` must refuse */
export function requireLeaseMs(leaseMs: number): void {
  if (Number.isInteger(leaseMs) && leaseMs >= 20 && leaseMs <= 1000) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "leaseMs is out of range",
    observed: String(leaseMs),
    expected: "a whole number from 20 to 1000",
  });
}

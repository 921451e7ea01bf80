import type { TrajectoryVerdict } from "../../../sdk/src/actuator-link.ts";
import { ControllerFault, faultName } from "../protocol/constants.ts";
import {
  TrajectoryReference,
  type Junction,
  type ReferenceJoint,
} from "../protocol/trajectory-reference.ts";

/** Limits of one joint, counts. */
export interface HostJoint extends ReferenceJoint {
  readonly maxVelocity: number;
}

export interface HostControllerOptions {
  readonly joints: readonly HostJoint[];
  readonly minLeadTicks: number;
  readonly maxLeadTicks: number;
  readonly ringDepth: number;
  /** In motion, a gap longer than this between two `serve` latches a fault. */
  readonly maxGapTicks: number;
}

/** Ticks a second: a tick is a millisecond of the host's clock. */
export const hostTickHz = 1000;

/**
 * The rules of PROTOCOL.md §5 to §7 where there is no motor controller: admission, interpolation, braking, lease and latched faults,
 * in the same integers. It is told the time and never asks for it.
 *
 * One rule is added. Servos that get no goal stand still, so after a host that was stalled in motion the path is ahead of the arm.
 * A gap of up to `maxGapTicks` is caught up with; a longer one latches STALL, and the arm holds where it stopped.
 */
export class HostController {
  readonly #options: HostControllerOptions;
  #reference: TrajectoryReference;
  #isArmed = false;
  #isDisarming = false;
  #fault = "";
  #leaseTicks = 0;
  #renewedTick = 0;
  #servedTick: number;
  readonly #served: Int32Array;

  /** At rest and idle at `command`, counts. */
  constructor(options: HostControllerOptions, now: number, command: ArrayLike<number>) {
    this.#options = options;
    this.#reference = new TrajectoryReference(options.joints, hostTickHz, now, command);
    this.#servedTick = now;
    this.#served = Int32Array.from(command);
  }

  get state(): "idle" | "armed" | "moving" | "faulted" {
    if (this.#fault !== "") return "faulted";
    if (this.isMoving) return "moving";
    return this.#isArmed ? "armed" : "idle";
  }

  /** The latched fault, for a person; empty when there is none. */
  get fault(): string {
    return this.#fault;
  }

  /** A path is being followed or braked on, also in a fault. */
  get isMoving(): boolean {
    return this.#reference.isMoving || this.#reference.waypointCount > 0;
  }

  /** Counts, as of the last `serve`. */
  get command(): Readonly<Int32Array> {
    return this.#served;
  }

  /** Brings the command to `now`; whoever calls it hands the command to the servos. */
  serve(now: number): void {
    this.#catchUp(now);
    this.#servedTick = now;
    this.#served.set(this.#reference.command);
  }

  /** Where the joints are while nothing drives them. Only at rest and idle. */
  follow(now: number, measured: ArrayLike<number>): void {
    this.#rest(now, measured);
  }

  /** `command` is what the servos were last told. Returns false in a fault and while braking to idle. */
  arm(now: number, leaseTicks: number, command: ArrayLike<number>): boolean {
    this.#catchUp(now);
    if (this.#fault !== "" || this.#isBrakingToIdle) return false;
    if (!this.#isArmed) this.#rest(now, command);
    this.#isArmed = true;
    this.#isDisarming = false;
    this.#leaseTicks = leaseTicks;
    this.#renewedTick = now;
    return true;
  }

  /** A sign of life. It cannot renew a lease that has run out. */
  heartbeat(now: number): void {
    this.#catchUp(now);
    this.#renewedTick = now;
  }

  /** Admits a chunk whole or refuses it whole. `rows` is row-major `[n, joints]`, counts; it is not copied. */
  take(now: number, t0: number, dt: number, rows: Int32Array): TrajectoryVerdict {
    this.#catchUp(now);
    const { joints, minLeadTicks, maxLeadTicks, ringDepth } = this.#options;
    if (!this.#isArmed || this.#fault !== "" || this.#isDisarming) return "mode";
    if (t0 - now < minLeadTicks) return "late";
    if (t0 - now > maxLeadTicks) return "range";
    const junction = this.#reference.junction(t0, dt);
    if (junction.kept + rows.length / joints.length > ringDepth) return "full";
    if (!this.#isWithinLimits(junction, t0, dt, rows)) return "limit";
    this.#reference.commit(now, t0, dt, rows);
    this.#renewedTick = now;
    return "accepted";
  }

  hold(now: number): void {
    this.#catchUp(now);
    this.#reference.brake(now);
  }

  disarm(now: number): void {
    this.#catchUp(now);
    this.#reference.brake(now);
    this.#isDisarming = this.isMoving;
    this.#isArmed = false;
  }

  /** Latches a fault, brakes and holds. The first one stays. */
  latch(now: number, detail: string): void {
    this.#catchUp(now);
    this.#latch(now, detail);
  }

  clearFault(): void {
    this.#fault = "";
  }

  get #isBrakingToIdle(): boolean {
    return !this.#isArmed && this.isMoving;
  }

  /** Steps to `now`; a lease that ran out on the way brakes at its own tick. */
  #catchUp(now: number): void {
    const gap = now - this.#servedTick;
    if (!this.isMoving) {
      this.#servedTick = now;
    } else if (gap > this.#options.maxGapTicks) {
      this.#rest(now, this.#served);
      this.#latch(now, `STALL (the host did not serve the bus for ${gap} ms in motion)`);
    }
    const leaseEnd = this.#renewedTick + this.#leaseTicks;
    if (this.#isArmed && now > leaseEnd) {
      this.#latch(Math.max(leaseEnd, this.#reference.tick), faultName(ControllerFault.Lease));
    }
    this.#reference.advanceTo(now);
    if (!this.isMoving) this.#isDisarming = false;
  }

  #latch(now: number, detail: string): void {
    this.#reference.brake(now);
    this.#isArmed = false;
    if (this.#fault === "") this.#fault = detail;
  }

  #rest(now: number, command: ArrayLike<number>): void {
    this.#reference = new TrajectoryReference(this.#options.joints, hostTickHz, now, command);
    this.#served.set(this.#reference.command);
  }

  #isWithinLimits(junction: Junction, t0: number, dt: number, rows: Int32Array): boolean {
    const { joints } = this.#options;
    const jointCount = joints.length;
    for (let i = 0; i < rows.length; i++) {
      const limits = joints[i % jointCount];
      const position = rows[i] ?? 0;
      if (limits === undefined) return false;
      if (position < limits.minPosition || position > limits.maxPosition) return false;
      const isFirstRow = i < jointCount;
      const from = (isFirstRow ? junction.position[i] : rows[i - jointCount]) ?? 0;
      const ticks = isFirstRow ? t0 - junction.tick : dt;
      if (Math.abs(position - from) * hostTickHz > limits.maxVelocity * ticks) return false;
    }
    return true;
  }
}

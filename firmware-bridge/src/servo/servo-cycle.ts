import type { Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import type { JointState } from "../../../sdk/src/types.ts";
import { fromCounts } from "../protocol/units.ts";
import { hostTick, type ArmSpec, type ServoConnection } from "./servo-connection.ts";
import { requireInRange } from "./servo-group.ts";

/** Cycles in which a last goal is repeated: nobody answers a sync write, so one may be lost. */
const goalRepeats = 3;
/** The servos' own watchdog lets this much more silence pass than the lease, ms. */
const watchdogMarginMs = 100;

/** What is done to the servos each cycle and when the arm is armed. It lives as long as its connection. */
export class ServoCycle {
  readonly #connection: ServoConnection;
  readonly #arm: ArmSpec;
  readonly #clock: Clock;
  #goalsLeft = 0;
  /** A servo did not answer, so it got no goal either. */
  #hasMissedGoal = false;
  #isChangingTorque = false;

  constructor(connection: ServoConnection, arm: ArmSpec, clock: Clock) {
    this.#connection = connection;
    this.#arm = arm;
    this.#clock = clock;
  }

  /** The servos have been told where the arm came to rest. */
  get isAtRest(): boolean {
    return !this.#connection.controller.isMoving && this.#goalsLeft === 0;
  }

  /** `arm` or `release` is under way. */
  get isChangingTorque(): boolean {
    return this.#isChangingTorque;
  }

  /**
   * The goals of now out, the states in, and what they say about going on.
   *
   * @returns whether every servo told its state
   * @throws {OmpError} LINK_TIMEOUT, LINK_CLOSED
   */
  async serve(): Promise<boolean> {
    const { controller, group, supervision } = this.#connection;
    controller.serve(hostTick(this.#clock));
    if (controller.isMoving) this.#goalsLeft = goalRepeats + 1;
    if (this.#goalsLeft > 0) {
      this.#goalsLeft--;
      await group.writeGoals(controller.command);
    }
    const isComplete = await group.read();
    const { state } = controller;
    if (isComplete && this.#hasMissedGoal && state !== "idle") this.#goalsLeft ||= goalRepeats;
    this.#hasMissedGoal = !isComplete;
    if ((state === "armed" || state === "moving") && !this.#isChangingTorque) {
      const fault = await supervision.check(this.#clock.nowMs(), controller.command);
      if (fault !== undefined) controller.latch(hostTick(this.#clock), fault);
    }
    if (state === "idle" && !this.#isChangingTorque) this.#followByHand();
    return isComplete;
  }

  /**
   * Checks every servo, gives the arm torque where it stands and arms the controller. When that fails, servos that had no torque have
   * none again.
   *
   * @throws {OmpError} LINK_REFUSED, LINK_TIMEOUT, LINK_CLOSED
   */
  async energize(leaseMs: number): Promise<void> {
    const { controller, group, supervision } = this.#connection;
    await this.#changeTorque(async () => {
      const refusal = await supervision.refusal(this.#clock.nowMs());
      if (refusal !== undefined) throw refused(refusal);
      for (const [i, motor] of this.#arm.motors.entries()) {
        requireInRange(motor, group.readings[i]?.position ?? 0);
      }
      const goals = await group.energize(this.#arm.joints.map(({ maxVelocity }) => maxVelocity));
      try {
        await group.setBusWatchdog(leaseMs + watchdogMarginMs);
        supervision.reset();
        if (!controller.arm(hostTick(this.#clock), leaseMs, goals)) throw refused(controller.fault);
      } catch (error) {
        await group.undoEnergize();
        throw error;
      }
    });
  }

  /** Another lease for an arm that is armed. Returns false while it brakes to idle. @throws {OmpError} LINK_TIMEOUT, LINK_CLOSED */
  async changeLease(leaseMs: number): Promise<boolean> {
    const { controller, group } = this.#connection;
    if (!controller.arm(hostTick(this.#clock), leaseMs, [])) return false;
    await group.setBusWatchdog(leaseMs + watchdogMarginMs);
    return true;
  }

  /** Takes torque from every servo. @throws {OmpError} LINK_TIMEOUT, LINK_REFUSED, LINK_CLOSED */
  async release(): Promise<void> {
    await this.#changeTorque(async () => {
      await this.stopWatchdog();
      await this.#connection.group.release();
    });
  }

  /** The host is about to fall silent and the arm is to hold. A servo that does not answer stops, at rest, by itself. */
  async stopWatchdog(): Promise<void> {
    await this.#connection.group.setBusWatchdog(0).catch(() => {});
  }

  fillJointState(out: JointState): void {
    const { group, controller } = this.#connection;
    let measuredAtMs = Number.POSITIVE_INFINITY;
    for (const [i, motor] of this.#arm.motors.entries()) {
      const reading = group.readings[i];
      if (reading === undefined) return;
      measuredAtMs = Math.min(measuredAtMs, reading.measuredAtMs);
      out.position[i] = fromCounts(motor.toCounts(reading.position));
      out.command[i] = fromCounts(controller.command[i] ?? 0);
      out.velocity[i] = motor.toVelocity(reading.velocity);
      out.effort[i] = motor.toEffort(reading.load);
    }
    out.measuredAtMs = measuredAtMs;
  }

  /** The command of a joint without torque is where it is. */
  #followByHand(): void {
    const { controller, group } = this.#connection;
    if (group.readings.every(({ hasTorque }) => hasTorque !== false)) return;
    const command = this.#arm.motors.map((motor, i) => {
      const reading = group.readings[i];
      return reading?.hasTorque === false
        ? motor.toCounts(reading.position)
        : (controller.command[i] ?? 0);
    });
    controller.follow(hostTick(this.#clock), command);
  }

  async #changeTorque(change: () => Promise<void>): Promise<void> {
    this.#isChangingTorque = true;
    try {
      await change();
    } finally {
      this.#isChangingTorque = false;
    }
  }
}

/** The arm is not armed, and why. */
export function refused(reason: string): OmpError {
  return new OmpError("LINK_REFUSED", { what: "the arm is not armed", observed: reason });
}

import { ControllerFault, faultName } from "../protocol/constants.ts";
import type { CalibratedMotor } from "./calibration.ts";
import type { ServoGroup } from "./servo-group.ts";

/** PROTOCOL.md §7: how long a joint may be silent, or not where it is commanded to, ms. */
export const supervisionMs = 100;
/** Status bytes in a row that must report a condition: one may be a damaged packet. */
const conditionReadings = 2;

/** Looks at what the servos last said and names the first reason to stop. */
export class ServoSupervision {
  readonly #group: ServoGroup;
  readonly #motors: readonly CalibratedMotor[];
  readonly #followingErrorCounts: readonly number[];
  readonly #behindSinceMs: Float64Array;

  /** @param followingErrors most distance from the command, µrad; 0 where it is not watched */
  constructor(
    group: ServoGroup,
    motors: readonly CalibratedMotor[],
    followingErrors: readonly number[],
  ) {
    this.#group = group;
    this.#motors = motors;
    this.#followingErrorCounts = followingErrors;
    this.#behindSinceMs = new Float64Array(motors.length).fill(Number.POSITIVE_INFINITY);
  }

  /** Forgets how long joints have been behind. */
  reset(): void {
    this.#behindSinceMs.fill(Number.POSITIVE_INFINITY);
  }

  /**
   * @param command what the servos were told before they were read, µrad
   * @returns the fault, for a person, or undefined
   * @throws {OmpError} LINK_TIMEOUT, LINK_CLOSED
   */
  async check(nowMs: number, command: ArrayLike<number>): Promise<string | undefined> {
    for (const [i, motor] of this.#motors.entries()) {
      const fault = (await this.#conditionOf(i)) ?? this.#silenceOf(i, nowMs);
      if (fault !== undefined) return fault;
      const { hasTorque } = this.#group.readings[i] ?? {};
      if (hasTorque === false) {
        return `TORQUE (${nameOf(motor)} has no torque any more: it was reset, or released by somebody else)`;
      }
      if (this.#isBehind(i, nowMs, command[i] ?? 0)) {
        return `${faultName(ControllerFault.FollowingError)}: ${nameOf(motor)}`;
      }
    }
    return undefined;
  }

  /** A condition that a servo reports about itself, or that it is silent; the reason not to arm. */
  async refusal(nowMs: number): Promise<string | undefined> {
    for (const i of this.#motors.keys()) {
      const reason = (await this.#conditionOf(i, 1)) ?? this.#silenceOf(i, nowMs);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  async #conditionOf(
    index: number,
    least: number = conditionReadings,
  ): Promise<string | undefined> {
    const motor = this.#motors[index];
    const reading = this.#group.readings[index];
    if (motor === undefined || reading === undefined || reading.conditionCount < least) {
      return undefined;
    }
    const conditions = await this.#group.conditions(index);
    if (conditions.length === 0) return undefined;
    const names = conditions.map(({ name }) => name).join(", ");
    const meanings = conditions.map(({ meaning }) => meaning).join("; ");
    return `${names} (${nameOf(motor)}: ${meanings})`;
  }

  #silenceOf(index: number, nowMs: number): string | undefined {
    const motor = this.#motors[index];
    const measuredAtMs = this.#group.readings[index]?.measuredAtMs ?? Number.NEGATIVE_INFINITY;
    if (motor === undefined || nowMs - measuredAtMs <= supervisionMs) return undefined;
    return `${faultName(ControllerFault.Bus)}: ${nameOf(motor)}`;
  }

  #isBehind(index: number, nowMs: number, command: number): boolean {
    const limit = this.#followingErrorCounts[index] ?? 0;
    const motor = this.#motors[index];
    const reading = this.#group.readings[index];
    if (limit === 0 || motor === undefined || reading === undefined) return false;
    const isOff = Math.abs(command - motor.toCounts(reading.position)) > limit;
    const sinceMs = isOff
      ? Math.min(this.#behindSinceMs[index] ?? nowMs, nowMs)
      : Number.POSITIVE_INFINITY;
    this.#behindSinceMs[index] = sinceMs;
    return nowMs - sinceMs > supervisionMs;
  }
}

function nameOf({ joint, id }: CalibratedMotor): string {
  return `servo ${id}, ${joint}`;
}

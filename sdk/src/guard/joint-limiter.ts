import { LimitKind } from "../faults.ts";
import type { JointLimits } from "../types.ts";
import { between, Brake } from "./brake.ts";

/** Wire resolution: 1 µrad, 1 µm. Limits are kept in whole units so that rounding on the wire cannot break them. */
export const UNITS = 1e6;

/** The controller may see a segment one tick shorter than the host meant it: two clock mappings differ by a tick. */
const CLOCK_SLACK_MS = 1;

/** Start velocities and accelerations beyond this are nonsense, and are cut to what integers carry exactly. */
const MAX_START = 2 ** 31;

/** What one joint's waypoints are clamped to. */
export type MotionLimit = "position" | "velocity" | "acceleration" | "jerk";

/** Clamped waypoints by limit, one element a joint. */
export type ClampCounts = Readonly<Record<MotionLimit, Float64Array>>;

/**
 * Keeps the waypoints of one joint within its limits, one after the other, in wire units: positions in µrad or µm, `step` the
 * distance of a period, `change` the difference of two steps.
 *
 * **What is kept.** A waypoint is allowed when position, step, change and the difference of two changes are within their limits and the stop
 * of {@link Brake} from there is, too. That stop is then allowed as a whole, so a joint that has an allowed waypoint has one for
 * ever: staying within the limits is an invariant, not a hope.
 *
 * **What yields.** A start from which there is no such stop (too fast, or told another acceleration than it has) brakes: jerk yields
 * first, then acceleration. Position and velocity never do, because the controller refuses what breaks them.
 *
 * **Where it goes.** An allowed waypoint passes unchanged when jerk does not keep the joint from the one after it. Otherwise the joint
 * catches up as fast as the limits let it, in such a way that it meets the path at the path's own velocity instead of shooting past it.
 */
export class JointLimiter {
  readonly #joint: JointLimits;
  readonly #index: number;
  readonly #clamps: ClampCounts;
  readonly #brake = new Brake();
  readonly #low: number;
  readonly #high: number;
  readonly #hasJerk: boolean;
  #maxStep = 0;
  #position = 0;
  #step = 0;
  #change = 0;
  #isOnPath = true;

  /** @param clamps counts here, at `index` */
  constructor(joint: JointLimits, index: number, clamps: ClampCounts) {
    this.#joint = joint;
    this.#index = index;
    this.#clamps = clamps;
    this.#low = Math.ceil(joint.minPosition * UNITS);
    this.#high = Math.floor(joint.maxPosition * UNITS);
    this.#hasJerk = joint.maxJerk !== undefined;
  }

  /**
   * Starts a path of periods of `dtMs`.
   *
   * @param position in rad or m; velocity and acceleration per s and s²
   * @returns false for a start that is not a number, or so far outside the position limits that the first waypoint could only be
   *   inside, as the controller demands, by more than the velocity limit or, from rest, the acceleration limit
   */
  begin(dtMs: number, position: number, velocity: number, acceleration: number): boolean {
    const { maxVelocity, maxAcceleration, maxJerk } = this.#joint;
    const seconds = dtMs / 1000;
    const segmentMs = Math.max(dtMs - CLOCK_SLACK_MS, dtMs / 2);
    this.#maxStep = Math.max(0, Math.floor((maxVelocity * UNITS * segmentMs) / 1000) - 1);
    const maxChange = Math.max(1, Math.floor(maxAcceleration * UNITS * seconds ** 2));
    const maxJerkChange =
      maxJerk === undefined ? 2 * maxChange : Math.floor(maxJerk * UNITS * seconds ** 3);
    this.#brake.maxChange = maxChange;
    this.#brake.maxJerk = between(maxJerkChange, 1, 2 * maxChange);
    this.#position = Math.round(position * UNITS);
    this.#step = between(Math.round(velocity * seconds * UNITS), -MAX_START, MAX_START);
    const change = Math.round(acceleration * seconds ** 2 * UNITS);
    this.#change = between(change, -MAX_START, MAX_START);
    this.#isOnPath = true;
    const outside = Math.max(this.#position - this.#high, this.#low - this.#position);
    const isNumber = Number.isFinite(this.#position + this.#step + this.#change);
    return isNumber && outside <= Math.min(this.#maxStep, maxChange);
  }

  /** The last waypoint, in rad or m, a multiple of the wire's unit. */
  get position(): number {
    return (this.#position + 0) / UNITS; // + 0: never −0
  }

  /**
   * Goes on to the waypoint to send in place of `wanted`. What is not finite means: stay.
   *
   * @param following the waypoint wanted after this one; it says how fast the path goes on
   * @returns true when the waypoint differs from `wanted` by more than rounding; the difference is counted
   */
  advance(wanted: number, following: number): boolean {
    const { maxChange, maxJerk } = this.#brake;
    const raw = Math.round(wanted * UNITS);
    const target = this.#within(raw, this.#position);
    const step = between(target - this.#position, -this.#maxStep, this.#maxStep);
    const accelerated = between(step - this.#step, -maxChange, maxChange);
    const change = between(accelerated, this.#change - maxJerk, this.#change + maxJerk);
    const isPosition = target !== raw;
    const isVelocity = step !== target - this.#position;
    const isAcceleration = accelerated !== step - this.#step;
    const isJerk = change !== accelerated;
    const isReachable = !isVelocity && !isAcceleration && !isJerk;
    const way = this.#within(Math.round(following * UNITS), target) - target;
    const onward = between(way, -this.#maxStep, this.#maxStep);
    const isFollowed = !Number.isFinite(following) || this.#isFollowed(change, onward);
    if (isReachable && this.#isOnPath && isFollowed && this.#isAllowed(change)) {
      this.#take(change);
    } else {
      this.#settle(this.#catchUp(target, onward));
    }
    this.#isOnPath = this.#position === target;
    if (isPosition) this.#count(LimitKind.Position);
    if (this.#isOnPath) return isPosition;
    if (isVelocity) this.#count(LimitKind.Velocity);
    if (isAcceleration) this.#count(LimitKind.Acceleration);
    if (isJerk) this.#count(LimitKind.Jerk);
    if (isReachable) this.#count(this.#hasJerk ? LimitKind.Jerk : LimitKind.Acceleration);
    return true;
  }

  /** Whether jerk leaves the joint free to go on with the step `onward` after `change`, as far as acceleration does. */
  #isFollowed(change: number, onward: number): boolean {
    const { maxChange, maxJerk } = this.#brake;
    const next = between(onward - this.#step - change, -maxChange, maxChange);
    return Math.abs(next - change) <= maxJerk;
  }

  /**
   * The change with which the joint, seen from a frame that moves on with the path, comes to rest at `target` and not beyond it; as
   * near to that as this period allows.
   *
   * @param onward step of the path after `target`
   */
  #catchUp(target: number, onward: number): number {
    const { maxChange, maxJerk } = this.#brake;
    const step = this.#step;
    const low = Math.max(this.#change - maxJerk, -maxChange, -this.#maxStep - step);
    const high = Math.min(this.#change + maxJerk, maxChange, this.#maxStep - step);
    if (low > high) return this.#change;
    const stopping = between(this.#brake.changeFrom(step - onward, this.#change), low, high);
    const isBehind = this.#gapAfter(stopping, target, onward) >= 0;
    let found = stopping;
    let beyond = isBehind ? high + 1 : low - 1;
    while (Math.abs(beyond - found) > 1) {
      const middle = found + Math.trunc((beyond - found) / 2);
      const gap = this.#gapAfter(middle, target, onward);
      if (isBehind ? gap >= 0 : gap <= 0) found = middle;
      else beyond = middle;
    }
    return found;
  }

  /** From where the joint stops, seen from the moving frame, to `target`. */
  #gapAfter(change: number, target: number, onward: number): number {
    const step = this.#step + change;
    this.#brake.run(step - onward, change);
    return target - (this.#position + step) - this.#brake.travel;
  }

  /** Takes the allowed change nearest to `wanted`; brakes when there is none. */
  #settle(wanted: number): void {
    if (this.#isAllowed(wanted)) return this.#take(wanted);
    let allowed = this.#brake.changeFrom(this.#step, this.#change);
    if (!this.#isAllowed(allowed)) return this.#brakeHard();
    let refused = wanted;
    while (Math.abs(refused - allowed) > 1) {
      const middle = allowed + Math.trunc((refused - allowed) / 2);
      if (this.#isAllowed(middle)) allowed = middle;
      else refused = middle;
    }
    this.#take(allowed);
  }

  #isAllowed(change: number): boolean {
    const brake = this.#brake;
    const isSmooth =
      Math.abs(change) <= brake.maxChange && Math.abs(change - this.#change) <= brake.maxJerk;
    if (!isSmooth) return false;
    const step = this.#step + change;
    const position = this.#position + step;
    brake.run(step, change);
    return (
      position + brake.highest <= this.#high &&
      position + brake.lowest >= this.#low &&
      brake.fastest <= this.#maxStep &&
      brake.slowest >= -this.#maxStep
    );
  }

  /** Jerk yields, and acceleration where position or velocity would not be kept otherwise. */
  #brakeHard(): void {
    const { maxChange } = this.#brake;
    const slowed = this.#step - between(this.#step, -maxChange, maxChange);
    const inside = between(slowed, this.#low - this.#position, this.#high - this.#position);
    this.#take(between(inside, -this.#maxStep, this.#maxStep) - this.#step);
    // At rest nothing is left to be let go of gently.
    if (this.#step === 0) this.#change = 0;
  }

  #take(change: number): void {
    this.#change = change;
    this.#step += change;
    this.#position += this.#step;
  }

  #within(wanted: number, otherwise: number): number {
    return Number.isFinite(wanted) ? between(wanted, this.#low, this.#high) : otherwise;
  }

  #count(kind: MotionLimit): void {
    const counts = this.#clamps[kind];
    counts[this.#index] = (counts[this.#index] ?? 0) + 1;
  }
}

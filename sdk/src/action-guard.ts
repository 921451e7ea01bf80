import { LimitKind } from "./faults.ts";
import type { ActionChunk, Joint, Trajectory } from "./types.ts";

/** Why a chunk is refused as a whole. */
export interface ChunkRefusal {
  readonly reason: "shape" | "not_finite" | "max_step";
  /** One sentence for a person. */
  readonly detail: string;
}

/** Wire resolution: 1 µrad, 1 µm. Limits are kept in whole units so that rounding on the wire cannot break them. */
const UNITS = 1e6;

/** The controller may see a segment one tick shorter than the host meant it: two clock mappings differ by a tick. */
const CLOCK_SLACK_MS = 1;

/**
 * Stands between policy and link. `admit` refuses a chunk as a whole; `enforce` clamps what is sent.
 *
 * A trajectory is a path of straight segments, as the controller executes it: the velocity of a waypoint is that of the segment
 * that ends there, the acceleration the change between two segments over `dtMs`. What leaves `enforce` keeps position and
 * velocity limits always. It keeps the acceleration limit too whenever the arm can still stop before its position limit:
 * the allowed velocity is the one from which it can. From a start that is already too fast for that, position wins, because
 * running into a stop is worse than braking hard.
 */
export class ActionGuard {
  /** Clamped waypoints by limit, one element a joint. */
  readonly clamps: Readonly<Record<LimitKind, Float64Array>>;
  readonly #joints: readonly Joint[];
  readonly #maxFirstStepRatio: number;
  readonly #position: Float64Array;
  readonly #step: Float64Array;

  /** @param maxFirstStepRatio how far a chunk may begin from the current command, in steps at full velocity */
  constructor(joints: readonly Joint[], maxFirstStepRatio: number) {
    this.#joints = joints;
    this.#maxFirstStepRatio = maxFirstStepRatio;
    this.clamps = {
      [LimitKind.Position]: new Float64Array(joints.length),
      [LimitKind.Velocity]: new Float64Array(joints.length),
      [LimitKind.Acceleration]: new Float64Array(joints.length),
    };
    this.#position = new Float64Array(joints.length);
    this.#step = new Float64Array(joints.length);
  }

  /**
   * Whether the chunk may be executed from `firstRow` on.
   *
   * @param command where the joints are driven one step before `firstRow` is due
   * @returns undefined when it may
   */
  admit(
    chunk: ActionChunk,
    firstRow: number,
    command: Readonly<Float64Array>,
  ): ChunkRefusal | undefined {
    const joints = this.#joints;
    const { rows, horizon, actionDim, dtMs } = chunk;
    const fits = actionDim === joints.length && rows.length === horizon * actionDim;
    if (!fits || firstRow < 0 || firstRow >= horizon) {
      return {
        reason: "shape",
        detail: `chunk of ${horizon} x ${actionDim} in ${rows.length} numbers, first row ${firstRow}, for ${joints.length} joints`,
      };
    }
    for (let i = 0; i < rows.length; i += 1) {
      if (!Number.isFinite(rows[i])) {
        const name = joints[i % actionDim]?.name ?? "";
        const row = Math.floor(i / actionDim);
        return { reason: "not_finite", detail: `row ${row} of ${name} is ${rows[i]}` };
      }
    }
    for (const [j, { name, maxVelocity }] of joints.entries()) {
      const distance = Math.abs(at(rows, firstRow * actionDim + j) - at(command, j));
      const allowed = (this.#maxFirstStepRatio * maxVelocity * dtMs) / 1000;
      // A command that is not finite compares false with everything and must refuse.
      if (!(distance <= allowed)) {
        return {
          reason: "max_step",
          detail: `row ${firstRow} of ${name} is ${distance} from the current command, at most ${allowed} allowed`,
        };
      }
    }
    return undefined;
  }

  /**
   * Clamps the trajectory in place; positions become multiples of the wire's unit.
   *
   * @param position command one `dtMs` before the first waypoint, within the position limits
   * @param velocity velocity the arm then has, per second
   * @returns waypoints clamped, summed over joints
   */
  enforce(
    trajectory: Trajectory,
    position: Readonly<Float64Array>,
    velocity: Readonly<Float64Array>,
  ): number {
    const { positions, count, jointCount, dtMs } = trajectory;
    for (let j = 0; j < jointCount; j += 1) {
      this.#position[j] = Math.round(at(position, j) * UNITS);
      this.#step[j] = Math.trunc(((at(velocity, j) * dtMs) / 1000) * UNITS);
    }
    let clamped = 0;
    for (let row = 0; row < count; row += 1) {
      for (const [j, joint] of this.#joints.entries()) {
        const index = row * jointCount + j;
        if (this.#clampWaypoint(positions, index, j, joint, dtMs)) clamped += 1;
      }
    }
    return clamped;
  }

  #clampWaypoint(
    positions: Float64Array,
    index: number,
    j: number,
    { minPosition, maxPosition, maxVelocity, maxAcceleration }: Joint,
    dtMs: number,
  ): boolean {
    const from = at(this.#position, j);
    const lastStep = at(this.#step, j);
    const segmentMs = Math.max(dtMs - CLOCK_SLACK_MS, dtMs / 2);
    const maxStep = Math.max(0, Math.floor((maxVelocity * UNITS * segmentMs) / 1000) - 1);
    const maxChange = Math.max(1, Math.floor(maxAcceleration * UNITS * (dtMs / 1000) ** 2));
    const down = from - Math.ceil(minPosition * UNITS);
    const up = Math.floor(maxPosition * UNITS) - from;

    const wanted = Math.round(at(positions, index) * UNITS) - from;
    const target = Number.isFinite(wanted) ? wanted : 0;
    let step = between(target, -down, up);
    const isPosition = step !== wanted;
    const withinPosition = step;
    step = between(step, -maxStep, maxStep);
    const isVelocity = step !== withinPosition;
    const withinVelocity = step;
    step = between(step, lastStep - maxChange, lastStep + maxChange);
    step = between(step, -stoppableStep(down, maxChange), stoppableStep(up, maxChange));
    step = between(between(step, -down, up), -maxStep, maxStep);
    const isAcceleration = step !== withinVelocity;

    positions[index] = (from + step) / UNITS;
    this.#position[j] = from + step;
    this.#step[j] = step;
    if (isPosition) this.#count(LimitKind.Position, j);
    if (isVelocity) this.#count(LimitKind.Velocity, j);
    if (isAcceleration) this.#count(LimitKind.Acceleration, j);
    return isPosition || isVelocity || isAcceleration;
  }

  #count(kind: LimitKind, j: number): void {
    const clamps = this.clamps[kind];
    clamps[j] = at(clamps, j) + 1;
  }
}

/**
 * The longest step from which a joint that slows down by `maxChange` a step comes to rest within `distance`: the largest v
 * with v + (v - maxChange) + (v - 2 maxChange) + … <= distance, all in whole units.
 */
function stoppableStep(distance: number, maxChange: number): number {
  if (distance <= 0) return 0;
  const n = Math.floor((Math.sqrt(1 + (8 * distance) / maxChange) - 1) / 2);
  return Math.floor((distance + (maxChange * n * (n + 1)) / 2) / (n + 1));
}

/** `low` may exceed `high` only where the caller clamps again; then `high` wins. */
function between(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

function at(values: Readonly<Float64Array>, index: number): number {
  return values[index] ?? Number.NaN;
}

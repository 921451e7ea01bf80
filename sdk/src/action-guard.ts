import { LimitKind } from "./faults.ts";
import { type ClampCounts, JointLimiter } from "./guard/joint-limiter.ts";
import { MeasuredLimits } from "./guard/measured-limits.ts";
import type { Workspace } from "./guard/workspace.ts";
import type { ActionChunk, Joint, Trajectory } from "./types.ts";

/** Why a chunk is refused as a whole. */
export interface ChunkRefusal {
  readonly reason: "shape" | "not_finite" | "max_step" | "start" | "workspace";
  /** One sentence for a person. */
  readonly detail: string;
}

/**
 * Stands between policy and link. `admit` refuses a chunk as a whole; `enforce` clamps what is sent.
 *
 * A trajectory is a path of straight segments, as the controller executes it: the velocity of a waypoint is that of the segment
 * that ends there, the acceleration the change between two segments over `dtMs`, the jerk the change between two accelerations. What leaves
 * `enforce` keeps position and velocity limits always, and acceleration and jerk limits too, with every stop that may follow, from
 * every start that allows it; {@link JointLimiter} says what yields where one does not. With a workspace, frames of the arm stay in it on
 * the whole path and while the controller brakes from it; see {@link Workspace}.
 */
export class ActionGuard {
  /** Clamped waypoints by limit, one element a joint. */
  readonly clamps: ClampCounts;
  readonly measured: MeasuredLimits;
  readonly #workspace: Workspace | undefined;
  readonly #joints: readonly Joint[];
  readonly #limiters: readonly JointLimiter[];
  readonly #maxFirstStepRatio: number;

  #workspaceCuts = 0;
  #clampedWaypoints = 0;

  /**
   * @param maxFirstStepRatio how far a chunk may begin from the current command, in steps at full velocity
   * @param excessToleranceMs see {@link MeasuredLimits}
   */
  constructor(
    joints: readonly Joint[],
    maxFirstStepRatio: number,
    excessToleranceMs: number = 0,
    workspace?: Workspace,
  ) {
    this.#joints = joints;
    this.#workspace = workspace;
    this.measured = new MeasuredLimits(joints, excessToleranceMs);
    this.#maxFirstStepRatio = maxFirstStepRatio;
    this.clamps = {
      [LimitKind.Position]: new Float64Array(joints.length),
      [LimitKind.Velocity]: new Float64Array(joints.length),
      [LimitKind.Acceleration]: new Float64Array(joints.length),
      [LimitKind.Jerk]: new Float64Array(joints.length),
    };
    this.#limiters = joints.map((joint, j) => new JointLimiter(joint, j, this.clamps));
  }

  /** Trajectories that were cut, or refused, because they would have left the workspace. */
  get workspaceCuts(): number {
    return this.#workspaceCuts;
  }

  /** Waypoints that the last `enforce` changed by more than rounding, summed over joints. */
  get clampedWaypoints(): number {
    return this.#clampedWaypoints;
  }

  /** The arm was armed anew and may be somewhere else. */
  reset(): void {
    this.measured.reset();
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
    const isTimed = dtMs > 0 && Number.isFinite(dtMs);
    if (!fits || !isTimed || !(firstRow >= 0 && firstRow < horizon)) {
      return {
        reason: "shape",
        detail: `chunk of ${horizon} x ${actionDim} in ${rows.length} numbers, ${dtMs} ms apart, first row ${firstRow}, for ${joints.length} joints`,
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
   * Clamps the trajectory in place; positions become multiples of the wire's unit. Then cuts it where it would leave the workspace: the
   * arm brakes behind the last waypoint inside, within the workspace. Nothing is allocated unless it refuses.
   *
   * @param position command one `dtMs` before the first waypoint
   * @param velocity velocity the arm then has, per second
   * @param acceleration how that velocity has just changed, per s²; 0 when left out
   * @returns undefined, or why the trajectory must not be sent; it is empty then
   */
  enforce(
    trajectory: Trajectory,
    position: Readonly<Float64Array>,
    velocity: Readonly<Float64Array>,
    acceleration?: Readonly<Float64Array>,
  ): ChunkRefusal | undefined {
    const { positions, count, jointCount, dtMs } = trajectory;
    const isShaped =
      jointCount === this.#joints.length &&
      Number.isInteger(count) &&
      count >= 0 &&
      count * jointCount <= positions.length &&
      dtMs > 0 &&
      Number.isFinite(dtMs);
    if (!isShaped) {
      return refuse(trajectory, {
        reason: "shape",
        detail: `${count} x ${jointCount} waypoints in ${positions.length} numbers, ${dtMs} ms apart, for ${this.#joints.length} joints`,
      });
    }
    this.#clampedWaypoints = 0;
    for (let j = 0; j < jointCount; j += 1) {
      const limiter = this.#limiters[j];
      const startAcceleration = acceleration === undefined ? 0 : at(acceleration, j);
      if (!limiter?.begin(dtMs, at(position, j), at(velocity, j), startAcceleration)) {
        return refuse(trajectory, this.#badStart(j, at(position, j), at(velocity, j)));
      }
      for (let row = 0; row < count; row += 1) {
        const i = row * jointCount + j;
        const following = row + 1 < count ? at(positions, i + jointCount) : Number.NaN;
        if (limiter.advance(at(positions, i), following)) this.#clampedWaypoints += 1;
        positions[i] = limiter.position;
      }
    }
    return this.#keepInside(trajectory, position);
  }

  #keepInside(trajectory: Trajectory, start: Readonly<Float64Array>): ChunkRefusal | undefined {
    const inside = this.#workspace?.countInside(trajectory, start) ?? trajectory.count;
    if (inside === trajectory.count) return undefined;
    this.#workspaceCuts += 1;
    trajectory.count = inside;
    if (inside > 0) return undefined;
    return { reason: "workspace", detail: "the first segment would leave the workspace" };
  }

  #badStart(j: number, position: number, velocity: number): ChunkRefusal {
    const { name = "", minPosition, maxPosition } = this.#joints[j] ?? {};
    return {
      reason: "start",
      detail: `${name} would start at ${position}, ${velocity} per second, and is too far outside its range, ${minPosition} to ${maxPosition}; bring it there by a move to a pose, or by hand`,
    };
  }
}

function refuse(trajectory: Trajectory, refusal: ChunkRefusal): ChunkRefusal {
  trajectory.count = 0;
  return refusal;
}

function at(values: Readonly<Float64Array>, index: number): number {
  return values[index] ?? Number.NaN;
}

import { ErrorCode, OmpError } from "../errors.ts";
import { ForwardKinematics } from "../kinematics/forward-kinematics.ts";
import type { RobotModel } from "../kinematics/robot-model.ts";
import type { Vector } from "../kinematics/rotation.ts";
import type { Joint, Trajectory } from "../types.ts";

/** A box that points of the robot do not leave. */
export interface WorkspaceBox {
  /** From `parseRobotModel`. Its joints have the robot's names, zeros and directions. */
  readonly model: RobotModel;
  /** Links (URDF), bodies or sites (MJCF) whose origins stay in the box, at least one. */
  readonly frames: readonly string[];
  /** Lowest corner x, y, z, m, in the frame of the model's root: the world of a MJCF file, the root link of a URDF file. */
  readonly min: Vector;
  /** Highest corner. */
  readonly max: Vector;
}

/** A path that comes nearer to a side than this counts as leaving, m. It bounds how finely a path must be looked at. */
const MARGIN_M = 0.001;
/** Sums of floats. */
const ROUNDING_M = 1e-9;

/**
 * Keeps frames of the robot in a box: along every segment between waypoints, and along the controller's braking from any point of it,
 * which goes straight on in joint space.
 *
 * A segment is followed by leaps: a frame that is `d` away from every side cannot leave before it has moved by `d`, and how far it
 * moves at most is known from the reach of every joint. Nothing between two looks is missed.
 *
 * A path that begins outside, or within 1 mm of a side, may go no farther out than it begins. Every path begins on one that was allowed,
 * so an arm that is armed outside comes in or stays where it is.
 */
export class Workspace {
  readonly #box: WorkspaceBox;
  readonly #joints: readonly Joint[];
  readonly #controllerJoints: readonly Joint[];
  readonly #kinematics: ForwardKinematics;
  /** Row-major `[frames, joints]`. */
  readonly #reach: Float64Array;
  /** How far each frame moves at most along the segment, m. */
  readonly #travel: Float64Array;
  /** Row-major `[frames, 3]`. */
  readonly #points: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  /** Of the segment: where it begins, how it goes on, a pose on it. */
  readonly #from: Float64Array;
  readonly #along: Float64Array;
  readonly #pose: Float64Array;

  /**
   * @param joints with the limits that the guard keeps
   * @param controllerJoints with the limits that the controller brakes by
   * @throws {OmpError} INVALID_ARGUMENT for a box without inside, ROBOT_MODEL_INVALID for a model that does not fit the joints
   */
  constructor(box: WorkspaceBox, joints: readonly Joint[], controllerJoints: readonly Joint[]) {
    const hasInside = box.min.every((low, axis) => (box.max[axis] ?? 0) - low > 2 * MARGIN_M);
    if (!hasInside || box.frames.length === 0) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "the workspace box has no inside or keeps no frame",
        observed: `[${box.min.join(", ")}] to [${box.max.join(", ")}] m, frames [${box.frames.join(", ")}]`,
        expected: `max above min by more than ${2 * MARGIN_M} m on every axis, at least one frame`,
      });
    }
    this.#box = box;
    this.#joints = joints;
    this.#controllerJoints = controllerJoints;
    this.#kinematics = new ForwardKinematics(box.model, controllerJoints, box.frames);
    this.#reach = new Float64Array(box.frames.length * joints.length);
    for (const frame of box.frames.keys()) {
      this.#reach.set(this.#kinematics.reach(frame), frame * joints.length);
    }
    this.#travel = new Float64Array(box.frames.length);
    this.#points = new Float64Array(3 * box.frames.length);
    this.#low = new Float64Array(3 * box.frames.length);
    this.#high = new Float64Array(3 * box.frames.length);
    this.#from = new Float64Array(joints.length);
    this.#along = new Float64Array(joints.length);
    this.#pose = new Float64Array(joints.length);
  }

  /**
   * Waypoints, from the first, that may be sent: all, or those before the first segment from which a frame could leave the box.
   *
   * @param start where the first segment begins
   */
  countInside(trajectory: Trajectory, start: Readonly<Float64Array>): number {
    const { positions, count, jointCount, dtMs } = trajectory;
    this.#from.set(start);
    this.#setSides();
    for (let row = 0; row < count; row += 1) {
      for (let j = 0; j < jointCount; j += 1) {
        this.#along[j] = at(positions, row * jointCount + j) - at(this.#from, j);
      }
      this.#extendByBrake(dtMs);
      if (!this.#isSegmentInside()) return row;
      for (let j = 0; j < jointCount; j += 1) {
        this.#from[j] = at(positions, row * jointCount + j);
      }
    }
    return count;
  }

  /** Those of the box; for a frame that begins beyond one, or too near, there where the frame may not go farther. */
  #setSides(): void {
    const { min, max } = this.#box;
    this.#kinematics.locate(this.#from, this.#points);
    for (let i = 0; i < this.#points.length; i += 1) {
      const point = at(this.#points, i);
      this.#low[i] = Math.min(min[i % 3] ?? Number.NaN, point - MARGIN_M);
      this.#high[i] = Math.max(max[i % 3] ?? Number.NaN, point + MARGIN_M);
    }
  }

  /**
   * Lengthens the segment by the way on which the controller brakes from its end (PROTOCOL.md §5): all joints come to rest together,
   * after the time that the slowest one needs. Braking from an earlier point of the segment ends earlier on the same line.
   */
  #extendByBrake(dtMs: number): void {
    let seconds = 0;
    for (let j = 0; j < this.#along.length; j += 1) {
      const velocity = (Math.abs(at(this.#along, j)) * 1000) / dtMs;
      seconds = Math.max(seconds, velocity / (this.#joints[j]?.maxAcceleration ?? Number.NaN));
    }
    const brakeMs = Math.ceil(seconds * 1000) + 1;
    const scale = 1 + brakeMs / 2 / dtMs;
    for (let j = 0; j < this.#along.length; j += 1) {
      this.#along[j] = at(this.#along, j) * scale;
    }
  }

  #isSegmentInside(): boolean {
    const jointCount = this.#along.length;
    for (let frame = 0; frame < this.#travel.length; frame += 1) {
      let travel = 0;
      for (let j = 0; j < jointCount; j += 1) {
        travel += at(this.#reach, frame * jointCount + j) * Math.abs(at(this.#along, j));
      }
      this.#travel[frame] = travel;
    }
    let done = 0;
    while (done < 1) {
      const leap = this.#leapFrom(done);
      // A pose that is not a number makes a leap that is none, and refuses.
      if (!(leap > 0)) return false;
      done += leap;
    }
    return true;
  }

  /** The part of the segment, up to infinity, that is inside from `done` on; 0 when a frame is too near to a side there. */
  #leapFrom(done: number): number {
    for (let j = 0; j < this.#pose.length; j += 1) {
      const start = at(this.#from, j);
      const { minPosition = 0, maxPosition = 0 } = this.#controllerJoints[j] ?? {};
      const onward = start + done * at(this.#along, j);
      this.#pose[j] = Math.min(
        Math.max(onward, Math.min(minPosition, start)),
        Math.max(maxPosition, start),
      );
    }
    this.#kinematics.locate(this.#pose, this.#points);
    let leap = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#points.length; i += 1) {
      const point = at(this.#points, i);
      const distance = Math.min(point - at(this.#low, i), at(this.#high, i) - point);
      if (!(distance >= MARGIN_M - ROUNDING_M)) return 0;
      leap = Math.min(leap, distance / at(this.#travel, Math.floor(i / 3)));
    }
    return leap;
  }
}

function at(values: Readonly<Float64Array>, index: number): number {
  return values[index] ?? Number.NaN;
}

import { ErrorCode, OmpError } from "../errors.ts";
import type { JointLimits, JointSpec } from "../types.ts";
import type { ModelJoint, ModelNode, RobotModel } from "./robot-model.ts";
import { IDENTITY, type Vector } from "./rotation.ts";
import { addRotated, matrixOf, multiplyInto, setAboutAxis } from "./rotation-matrix.ts";

/** A joint of the robot as far as kinematics need it. */
export type KinematicJoint = JointSpec & Pick<JointLimits, "minPosition" | "maxPosition">;

/** A node on the way to a frame. Part 0 is the origin. */
interface Part {
  /** Index of an earlier part. */
  readonly parent: number;
  readonly position: Vector;
  readonly rotation: Float64Array;
  readonly joint: ModelJoint | undefined;
  /** Of the joint, in the vector of joint positions. */
  readonly column: number;
}

/**
 * Where points of a robot are for given joint positions. Zero and direction of a joint are the model's; the robot's must be the same.
 */
export class ForwardKinematics {
  readonly frames: readonly string[];
  readonly #joints: readonly KinematicJoint[];
  readonly #parts: readonly Part[];
  /** One a frame. */
  readonly #partOf: readonly number[];
  /** Of every part: its origin, its rotation matrix. */
  readonly #points: Float64Array;
  readonly #rotations: Float64Array;
  readonly #fixed = new Float64Array(9);
  readonly #turn = new Float64Array(9);

  /**
   * @param joints in the order of every vector of the robot
   * @param frames of the model
   * @throws {OmpError} ROBOT_MODEL_INVALID when a frame does not exist, or a joint on the way to it is none of `joints`
   */
  constructor(model: RobotModel, joints: readonly KinematicJoint[], frames: readonly string[]) {
    this.frames = frames;
    this.#joints = joints;
    const nodes = frames.map((frame) => model.nodeOf(frame));
    const needed = new Set<number>();
    for (const start of nodes) {
      for (let node = start; node >= 0; node = model.nodes[node]?.parent ?? -1) needed.add(node);
    }
    const order = [-1, ...[...needed].toSorted((a, b) => a - b)];
    this.#parts = order.map((index) => createPart(model.nodes[index], order, joints));
    this.#partOf = nodes.map((node) => order.indexOf(node));
    this.#points = new Float64Array(3 * order.length);
    this.#rotations = new Float64Array(9 * order.length);
    this.#rotations.set(matrixOf(IDENTITY));
  }

  /**
   * Origins of the frames, m, in the frame of the model's root. Allocates nothing.
   *
   * @param positions one a joint, rad or m
   * @param out row-major `[frames, 3]`
   */
  locate(positions: Readonly<Float64Array>, out: Float64Array): void {
    for (let part = 1; part < this.#parts.length; part += 1) this.#place(part, positions);
    for (let frame = 0; frame < this.#partOf.length; frame += 1) {
      const start = 3 * (this.#partOf[frame] ?? 0);
      for (let axis = 0; axis < 3; axis += 1) {
        out[3 * frame + axis] = this.#points[start + axis] ?? Number.NaN;
      }
    }
  }

  /**
   * How far a frame's origin moves at most while a joint moves by 1 rad or 1 m, wherever the other joints are in their ranges; one a
   * joint.
   */
  reach(frame: number): Float64Array {
    const reach = new Float64Array(this.#joints.length);
    let distance = 0;
    let index = this.#partOf[frame] ?? 0;
    while (index > 0) {
      const { parent, position, joint, column } = this.#parts[index] ?? ROOT;
      const { minPosition = 0, maxPosition = 0 } = this.#joints[column] ?? {};
      if (joint?.kind === "revolute") {
        const fromAxis = distance + length(joint.anchor);
        reach[column] = fromAxis;
        distance = fromAxis + length(joint.anchor);
      } else if (joint?.kind === "prismatic") {
        const { reference } = joint;
        reach[column] = 1;
        distance += Math.max(Math.abs(minPosition - reference), Math.abs(maxPosition - reference));
      }
      distance += length(position);
      index = parent;
    }
    return reach;
  }

  #place(index: number, positions: Readonly<Float64Array>): void {
    const { parent, position, rotation, joint, column } = this.#parts[index] ?? ROOT;
    const points = this.#points;
    const rotations = this.#rotations;
    const point = 3 * index;
    const own = 9 * index;
    points.copyWithin(point, 3 * parent, 3 * parent + 3);
    addRotated(points, point, rotations, 9 * parent, position, 1);
    multiplyInto(this.#fixed, 0, rotations, 9 * parent, rotation, 0);
    const value = (positions[column] ?? 0) - (joint?.reference ?? 0);
    if (joint?.kind !== "revolute") {
      rotations.set(this.#fixed, own);
      if (joint !== undefined) addRotated(points, point, rotations, own, joint.axis, value);
      return;
    }
    setAboutAxis(this.#turn, joint.axis, value);
    multiplyInto(rotations, own, this.#fixed, 0, this.#turn, 0);
    addRotated(points, point, this.#fixed, 0, joint.anchor, 1);
    addRotated(points, point, rotations, own, joint.anchor, -1);
  }
}

const ROOT: Part = {
  parent: 0,
  position: [0, 0, 0],
  rotation: matrixOf(IDENTITY),
  joint: undefined,
  column: -1,
};

function createPart(
  node: ModelNode | undefined,
  order: readonly number[],
  joints: readonly KinematicJoint[],
): Part {
  if (node === undefined) return ROOT;
  return {
    parent: order.indexOf(node.parent),
    position: node.position,
    rotation: matrixOf(node.rotation),
    joint: node.joint,
    column: node.joint === undefined ? -1 : columnOf(node.joint, joints),
  };
}

function columnOf({ name, kind }: ModelJoint, joints: readonly KinematicJoint[]): number {
  const column = joints.findIndex((joint) => joint.name === name && joint.kind === kind);
  if (column >= 0) return column;
  throw new OmpError(ErrorCode.RobotModelInvalid, {
    what: `the robot model moves the frame by a joint that the robot does not have: ${name}`,
    observed: kind === "other" ? `${name} has no single position of its own` : `${name} (${kind})`,
    expected: joints.map((joint) => `${joint.name} (${joint.kind})`).join(", "),
  });
}

function length([x, y, z]: Vector): number {
  return Math.hypot(x, y, z);
}

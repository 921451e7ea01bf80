import { readFile } from "node:fs/promises";

import { asOmpError, ErrorCode, isOmpError } from "../../src/errors.ts";
import { ForwardKinematics, type KinematicJoint } from "../../src/kinematics/forward-kinematics.ts";
import { parseRobotModel } from "../../src/kinematics/parse-robot-model.ts";
import type { RobotModel } from "../../src/kinematics/robot-model.ts";

/** A line from one part of an arm to the next, m: x, y, z, x, y, z. */
export type ShapeLine = readonly number[];

/** Where the parts of an arm are, as lines from part to part. */
export class ArmShape {
  readonly #kinematics: ForwardKinematics;
  /** Frame and the frame it hangs on; -1 is the base. */
  readonly #lines: readonly (readonly [number, number])[];
  readonly #points: Float64Array;

  /**
   * Frames that other joints move than the robot's are left out, as what lies on the table.
   *
   * @param joints in the order of `lines`' positions
   */
  constructor(model: RobotModel, joints: readonly KinematicJoint[]) {
    const frames = onePerNode(model).filter((frame) => isLocatable(model, joints, frame));
    this.#kinematics = new ForwardKinematics(model, joints, frames);
    this.#points = new Float64Array(3 * frames.length);
    const frameOfNode = new Map(frames.map((frame, i) => [model.nodeOf(frame), i]));
    this.#lines = frames.map((frame, i) => {
      let node = model.nodes[model.nodeOf(frame)]?.parent ?? -1;
      while (node >= 0 && !frameOfNode.has(node)) node = model.nodes[node]?.parent ?? -1;
      return [frameOfNode.get(node) ?? -1, i];
    });
  }

  /** @param positions one a joint, rad or m */
  lines(positions: Readonly<Float64Array>): ShapeLine[] {
    this.#kinematics.locate(positions, this.#points);
    const point = (frame: number): number[] =>
      frame < 0
        ? [0, 0, 0]
        : [...this.#points.subarray(3 * frame, 3 * frame + 3)].map((one) => Number(one.toFixed(4)));
    return this.#lines.map(([from, to]) => [...point(from), ...point(to)]);
  }
}

/** Robot models by the `model` of a robot's birth. */
export class ArmModels {
  readonly #models: ReadonlyMap<string, RobotModel>;

  private constructor(models: ReadonlyMap<string, RobotModel>) {
    this.#models = models;
  }

  /**
   * @param files URDF or MJCF, by model
   * @throws {OmpError} ROBOT_MODEL_INVALID, also of a file that cannot be read
   */
  static async read(files: ReadonlyMap<string, string>): Promise<ArmModels> {
    const models = new Map<string, RobotModel>();
    for (const [model, file] of files) {
      try {
        models.set(model, parseRobotModel(await readFile(file, "utf8")));
      } catch (error) {
        throw asOmpError(error, ErrorCode.RobotModelInvalid, `the model of ${model} in ${file}`);
      }
    }
    return new ArmModels(models);
  }

  /** Undefined for a model that is not known. */
  shape(model: string, joints: readonly KinematicJoint[]): ArmShape | undefined {
    const known = this.#models.get(model);
    return known === undefined ? undefined : new ArmShape(known, joints);
  }
}

function onePerNode(model: RobotModel): string[] {
  const byNode = new Map<number, string>();
  for (const frame of model.frames) {
    try {
      byNode.set(model.nodeOf(frame), frame);
    } catch (error) {
      if (!isOmpError(error, ErrorCode.RobotModelInvalid)) throw error;
    }
  }
  byNode.delete(-1);
  return [...byNode.values()];
}

/** World-fixed frames, as a table, have no joint on their way and would be drawn as arms. */
function isLocatable(model: RobotModel, joints: readonly KinematicJoint[], frame: string): boolean {
  let isMoved = false;
  for (let node = model.nodeOf(frame); node >= 0; node = model.nodes[node]?.parent ?? -1) {
    const joint = model.nodes[node]?.joint;
    if (joint === undefined) continue;
    isMoved = true;
    if (!joints.some(({ name, kind }) => name === joint.name && kind === joint.kind)) return false;
  }
  return isMoved;
}

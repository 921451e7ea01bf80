import { ErrorCode, OmpError } from "../errors.ts";
import type { Quaternion, Vector } from "./rotation.ts";

/** How a part of a robot moves against the part before it. `other` has more than one degree of freedom, or follows another joint. */
export type ModelJointKind = "revolute" | "prismatic" | "other";

export interface ModelJoint {
  readonly name: string;
  readonly kind: ModelJointKind;
  /** Of length 1, in the frame of the node. */
  readonly axis: Vector;
  /** A point of a revolute joint's axis, m, in the frame of the node. */
  readonly anchor: Vector;
  /** Value of the joint, rad or m, at which it does not move the node. */
  readonly reference: number;
}

/** A rigid part: where it is in the part before it, and the joint that moves it from there. */
export interface ModelNode {
  /** Index of an earlier node; -1 is the world, or the root link. */
  readonly parent: number;
  /** m. */
  readonly position: Vector;
  readonly rotation: Quaternion;
  readonly joint: ModelJoint | undefined;
}

/** The tree of parts and joints of a URDF or MJCF file; geometry, masses and limits are left out. */
export class RobotModel {
  /** Parents before children. */
  readonly nodes: readonly ModelNode[];
  readonly #nodesByFrame: ReadonlyMap<string, readonly number[]>;

  /** @param frames name and node; -1 is the world, or the root link */
  constructor(nodes: readonly ModelNode[], frames: readonly (readonly [string, number])[]) {
    this.nodes = nodes;
    const byFrame = new Map<string, number[]>();
    for (const [name, node] of frames) {
      const named = byFrame.get(name) ?? [];
      named.push(node);
      byFrame.set(name, named);
    }
    this.#nodesByFrame = byFrame;
  }

  /** Names of links (URDF), of bodies and sites (MJCF). */
  get frames(): readonly string[] {
    return [...this.#nodesByFrame.keys()];
  }

  /**
   * The node that carries a frame.
   *
   * @throws {OmpError} ROBOT_MODEL_INVALID when there is none or more than one
   */
  nodeOf(frame: string): number {
    const nodes = this.#nodesByFrame.get(frame) ?? [];
    const [node] = nodes;
    if (node !== undefined && nodes.length === 1) return node;
    throw new OmpError(ErrorCode.RobotModelInvalid, {
      what: `the robot model has ${nodes.length === 0 ? "no" : "more than one"} frame ${frame}`,
      expected: `one of ${this.frames.join(", ")}`,
    });
  }
}

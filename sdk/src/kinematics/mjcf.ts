import { ErrorCode, OmpError } from "../errors.ts";
import { MjcfDefaults } from "./mjcf-defaults.ts";
import { type ModelJoint, type ModelJointKind, type ModelNode, RobotModel } from "./robot-model.ts";
import {
  aboutAxis,
  fromAxes,
  fromZAxis,
  IDENTITY,
  multiply,
  ORIGIN,
  type Quaternion,
  unit,
  unitQuaternion,
  type Vector,
} from "./rotation.ts";
import type { XmlElement } from "./xml-element.ts";

const KINDS: Readonly<Record<string, ModelJointKind>> = {
  hinge: "revolute",
  slide: "prismatic",
  ball: "other",
  free: "other",
};
const AXES: Readonly<Record<string, Vector>> = { x: [1, 0, 0], y: [0, 1, 0], z: [0, 0, 1] };
/** They make bodies out of other elements or files. */
const UNSUPPORTED: ReadonlySet<string> = new Set(["include", "replicate", "attach"]);

/**
 * Bodies, sites and joints of a MJCF `<mujoco>`, placed as MuJoCo's compiler does. The world is the origin.
 *
 * @throws {OmpError} ROBOT_MODEL_INVALID, also for elements that make bodies out of others: include, replicate, attach
 */
export function readMjcf(mujoco: XmlElement): RobotModel {
  return new MjcfReader(mujoco).read();
}

class MjcfReader {
  readonly #mujoco: XmlElement;
  readonly #defaults: MjcfDefaults;
  readonly #nodes: ModelNode[] = [];
  readonly #frames: [string, number][] = [["world", -1]];
  readonly #radiansPerAngle: number;
  readonly #eulerSequence: string;

  constructor(mujoco: XmlElement) {
    this.#mujoco = mujoco;
    this.#defaults = new MjcfDefaults(mujoco);
    let angle = "degree";
    let sequence = "xyz";
    for (const compiler of mujoco.all("compiler")) {
      angle = compiler.text("angle") ?? angle;
      sequence = compiler.text("eulerseq") ?? sequence;
      if (angle !== "degree" && angle !== "radian") {
        throw compiler.refuse("angle", "degree or radian");
      }
      if (!/^[xyz]{3}$/i.test(sequence)) throw compiler.refuse("eulerseq", "three of xyzXYZ");
      if ((compiler.text("coordinate") ?? "local") !== "local") {
        throw compiler.refuse("coordinate", "local");
      }
    }
    this.#radiansPerAngle = angle === "degree" ? Math.PI / 180 : 1;
    this.#eulerSequence = sequence;
  }

  read(): RobotModel {
    refuseUnsupported(this.#mujoco);
    for (const world of this.#mujoco.all("worldbody")) this.#readChildren(world, -1, undefined);
    return new RobotModel(this.#nodes, this.#frames);
  }

  /** Bodies, frames and sites inside `element`, which is fixed to the node `parent`. */
  #readChildren(element: XmlElement, parent: number, childClass: string | undefined): void {
    for (const child of element.children) {
      refuseUnsupported(child);
      const inner = child.text("childclass") ?? childClass;
      if (child.tag === "body") this.#readBody(child, parent, inner);
      else if (child.tag === "frame") this.#readChildren(child, this.#place(child, parent), inner);
      else if (child.tag === "site") this.#readSite(child, parent, childClass);
    }
  }

  #readBody(body: XmlElement, parent: number, childClass: string | undefined): void {
    const joints = this.#jointsOf(body, childClass);
    let node = this.#place(body, parent, joints[0]);
    for (const joint of joints.slice(1)) {
      node = this.#nodes.push({ parent: node, position: ORIGIN, rotation: IDENTITY, joint }) - 1;
    }
    this.#name(body, node);
    this.#readChildren(body, node, childClass);
  }

  #readSite(element: XmlElement, parent: number, childClass: string | undefined): void {
    const site = this.#defaults.apply(element, childClass);
    const ends = site.numbers("fromto", 6);
    if (ends === undefined) return this.#name(site, this.#place(site, parent));
    const [ax = 0, ay = 0, az = 0, bx = 0, by = 0, bz = 0] = ends;
    const position: Vector = [(ax + bx) / 2, (ay + by) / 2, (az + bz) / 2];
    this.#name(
      site,
      this.#nodes.push({ parent, position, rotation: IDENTITY, joint: undefined }) - 1,
    );
  }

  #jointsOf(body: XmlElement, childClass: string | undefined): readonly ModelJoint[] {
    return body.children
      .filter(({ tag }) => tag === "joint" || tag === "freejoint")
      .map((element) => {
        const joint = this.#defaults.apply(element, childClass);
        const type = element.tag === "freejoint" ? "free" : (joint.text("type") ?? "hinge");
        const kind = KINDS[type];
        if (kind === undefined) throw joint.refuse("type", Object.keys(KINDS).join(", "));
        const axis = unit(joint.vector("axis") ?? [0, 0, 1]);
        if (axis === undefined) throw joint.refuse("axis", "an axis that is not 0");
        const reference = joint.number("ref") ?? 0;
        return {
          name: joint.text("name") ?? "",
          kind,
          axis,
          anchor: joint.vector("pos") ?? ORIGIN,
          reference: kind === "revolute" ? reference * this.#radiansPerAngle : reference,
        };
      });
  }

  #place(element: XmlElement, parent: number, joint?: ModelJoint): number {
    const position = element.vector("pos") ?? ORIGIN;
    return this.#nodes.push({ parent, position, rotation: this.#rotationOf(element), joint }) - 1;
  }

  #name(element: XmlElement, node: number): void {
    const name = element.text("name");
    if (name !== undefined) this.#frames.push([name, node]);
  }

  #rotationOf(element: XmlElement): Quaternion {
    const ways = ["quat", "axisangle", "euler", "xyaxes", "zaxis"];
    const [way, second] = ways.filter((name) => element.text(name) !== undefined);
    if (way === undefined) return IDENTITY;
    if (second !== undefined) throw element.refuse(second, `one orientation; there is ${way}`);
    const rotation = this.#readRotation(element, way);
    if (rotation === undefined) throw element.refuse(way, "axes that are not 0");
    return rotation;
  }

  #readRotation(element: XmlElement, way: string): Quaternion | undefined {
    const numbers = element.numbers(way, { quat: 4, axisangle: 4, xyaxes: 6 }[way] ?? 3) ?? [];
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = numbers;
    if (way === "quat") return unitQuaternion([a, b, c, d]);
    if (way === "xyaxes") return fromAxes([a, b, c], [d, e, f]);
    if (way === "zaxis") return fromZAxis([a, b, c]);
    if (way === "euler") return this.#fromEuler([a, b, c]);
    const axis = unit([a, b, c]);
    return axis && aboutAxis(axis, d * this.#radiansPerAngle);
  }

  /** Lower-case letters turn about the moving axes, upper-case letters about the fixed ones. */
  #fromEuler(angles: Vector): Quaternion {
    let rotation = IDENTITY;
    for (const [i, letter] of this.#eulerSequence.split("").entries()) {
      const axis = AXES[letter.toLowerCase()] ?? ORIGIN;
      const turn = aboutAxis(axis, (angles[i] ?? 0) * this.#radiansPerAngle);
      const isMoving = letter === letter.toLowerCase();
      rotation = isMoving ? multiply(rotation, turn) : multiply(turn, rotation);
    }
    return rotation;
  }
}

function refuseUnsupported(element: XmlElement): void {
  const found = element.children.find(({ tag }) => UNSUPPORTED.has(tag));
  if (found === undefined) return;
  throw new OmpError(ErrorCode.RobotModelInvalid, {
    what: `<${found.tag}> inside <${element.tag}> is not read`,
    next: "Let MuJoCo write the compiled model as one file (mj_saveLastXML) and use that.",
  });
}

import { ErrorCode, OmpError } from "../errors.ts";
import { type ModelJoint, type ModelJointKind, type ModelNode, RobotModel } from "./robot-model.ts";
import { fromRollPitchYaw, ORIGIN, unit } from "./rotation.ts";
import type { XmlElement } from "./xml-element.ts";

const KINDS: Readonly<Record<string, ModelJointKind | "fixed">> = {
  revolute: "revolute",
  continuous: "revolute",
  prismatic: "prismatic",
  fixed: "fixed",
  floating: "other",
  planar: "other",
};

/**
 * Links and joints of a URDF `<robot>`. The frame of the root link is the origin.
 *
 * @throws {OmpError} ROBOT_MODEL_INVALID, also when the links are no tree
 */
export function readUrdf(robot: XmlElement): RobotModel {
  const links = robot.all("link").map((link) => link.requiredText("name"));
  const jointsByParent = new Map<string, XmlElement[]>();
  const children = new Set<string>();
  for (const joint of robot.all("joint")) {
    const child = linkOf(joint, "child", links);
    if (children.has(child)) throw notATree(`${child} is the child of more than one joint`);
    children.add(child);
    const parent = linkOf(joint, "parent", links);
    jointsByParent.set(parent, [...(jointsByParent.get(parent) ?? []), joint]);
  }
  const roots = links.filter((link) => !children.has(link));
  const [root] = roots;
  if (root === undefined || roots.length > 1) throw notATree(`its roots are ${roots.join(", ")}`);

  const nodes: ModelNode[] = [];
  const frames: [string, number][] = [[root, -1]];
  // Grows while it is walked: every link that is reached brings its children.
  for (const [link, parent] of frames) {
    for (const joint of jointsByParent.get(link) ?? []) {
      frames.push([linkOf(joint, "child", links), nodes.length]);
      nodes.push(nodeOf(joint, parent));
    }
  }
  if (frames.length !== links.length) throw notATree("some links hang on a loop");
  return new RobotModel(nodes, frames);
}

function nodeOf(element: XmlElement, parent: number): ModelNode {
  const origin = element.first("origin");
  return {
    parent,
    position: origin?.vector("xyz") ?? ORIGIN,
    rotation: fromRollPitchYaw(origin?.vector("rpy") ?? ORIGIN),
    joint: jointOf(element),
  };
}

function jointOf(element: XmlElement): ModelJoint | undefined {
  const kind = KINDS[element.requiredText("type")];
  if (kind === undefined) throw element.refuse("type", Object.keys(KINDS).join(", "));
  if (kind === "fixed") return undefined;
  const axis = element.first("axis");
  const direction = unit(axis?.vector("xyz") ?? [1, 0, 0]);
  if (direction === undefined) throw (axis ?? element).refuse("xyz", "an axis that is not 0");
  return {
    name: element.requiredText("name"),
    kind: element.first("mimic") === undefined ? kind : "other",
    axis: direction,
    anchor: ORIGIN,
    reference: 0,
  };
}

function linkOf(joint: XmlElement, side: "parent" | "child", links: readonly string[]): string {
  const link = joint.first(side)?.requiredText("link");
  if (link !== undefined && links.includes(link)) return link;
  throw new OmpError(ErrorCode.RobotModelInvalid, {
    what: `the ${side} of joint ${joint.text("name") ?? ""} is no link of the robot`,
    observed: link ?? "nothing",
    expected: links.join(", "),
  });
}

function notATree(observed: string): OmpError {
  return new OmpError(ErrorCode.RobotModelInvalid, {
    what: "the links of the robot are no tree with one root",
    observed,
  });
}

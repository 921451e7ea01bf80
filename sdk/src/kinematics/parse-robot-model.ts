import { ErrorCode, OmpError } from "../errors.ts";
import { readMjcf } from "./mjcf.ts";
import type { RobotModel } from "./robot-model.ts";
import { readUrdf } from "./urdf.ts";
import { parseXmlElement } from "./xml-element.ts";

/**
 * Reads the kinematics of a robot from the text of a URDF or MJCF file; its first element says which it is.
 *
 * @throws {OmpError} ROBOT_MODEL_INVALID naming the element and the attribute
 */
export function parseRobotModel(text: string): RobotModel {
  const root = parseXmlElement(text);
  if (root.tag === "robot") return readUrdf(root);
  if (root.tag === "mujoco") return readMjcf(root);
  throw new OmpError(ErrorCode.RobotModelInvalid, {
    what: "the robot model is neither URDF nor MJCF",
    observed: `<${root.tag}>`,
    expected: "<robot> or <mujoco>",
  });
}

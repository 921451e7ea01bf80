import assert from "node:assert/strict";
import { test } from "node:test";

import { isOmpError } from "../errors.ts";
import { ForwardKinematics } from "./forward-kinematics.ts";
import { parseRobotModel } from "./parse-robot-model.ts";

function assertRefused(call: () => unknown, message: RegExp): void {
  assert.throws(
    call,
    (error) => isOmpError(error, "ROBOT_MODEL_INVALID") && message.test(error.message),
  );
}

const links = '<link name="base"/><link name="hand"/>';
const joint = (inner: string, attributes: string = 'name="j" type="revolute"'): string =>
  `<robot>${links}<joint ${attributes}><parent link="base"/><child link="hand"/>${inner}</joint></robot>`;
const body = (inner: string): string =>
  `<mujoco><worldbody><body name="hand">${inner}</body></worldbody></mujoco>`;

test("a file that cannot be read as it was meant is refused, with the element and the attribute", () => {
  const cases: readonly [string, RegExp][] = [
    ["<robot><link></robot>", /not XML/],
    ["<sdf/>", /Observed: <sdf>/],
    ["<robot/>", /no tree with one root/],
    [`<robot>${links}</robot>`, /its roots are base, hand/],
    [joint("", 'name="j" type="screw"'), /<joint name="j"> has a type.*Observed: screw/],
    [joint('<axis xyz="0 0 0"/>'), /<axis> has a xyz.*not 0/],
    [joint('<origin xyz="1 2"/>'), /<origin> has a xyz.*Observed: 1 2\. Expected: 3 numbers/],
    [joint('<origin rpy="1 2 x"/>'), /rpy/],
    ['<robot><link name="base"/><joint name="j" type="fixed"/></robot>', /child of joint j/],
    ['<mujoco><include file="a.xml"/></mujoco>', /<include> inside <mujoco>.*mj_saveLastXML/],
    [body('<replicate count="2"/>'), /<replicate> inside <body>/],
    [body('<joint class="stiff"/>'), /default class stiff/],
    [body('<joint type="screw"/>'), /screw/],
    [body('<site quat="1 0 0 0" euler="1 0 0"/>'), /<site> has a euler.*there is quat/],
    [body('<site xyaxes="1 0 0 2 0 0"/>'), /xyaxes/],
    ['<mujoco><compiler angle="turns"/></mujoco>', /Observed: turns/],
    ['<mujoco><compiler coordinate="global"/></mujoco>', /global/],
  ];
  for (const [text, message] of cases) {
    assertRefused(() => parseRobotModel(text), message);
  }
});

test("a frame is reached by joints of the robot, or refused", () => {
  const elbow = { name: "j", kind: "revolute", minPosition: -1, maxPosition: 1 } as const;
  const model = parseRobotModel(joint(""));
  assert.deepEqual(model.frames, ["base", "hand"]);
  assertRefused(() => new ForwardKinematics(model, [elbow], ["thumb"]), /no frame thumb/);
  assertRefused(
    () => new ForwardKinematics(model, [{ ...elbow, name: "k" }], ["hand"]),
    /does not have: j\. Observed: j \(revolute\)\. Expected: k \(revolute\)/,
  );
  assertRefused(
    () => new ForwardKinematics(model, [{ ...elbow, kind: "prismatic" }], ["hand"]),
    /Expected: j \(prismatic\)/,
  );
  const mimic = parseRobotModel(joint('<mimic joint="other"/>'));
  assertRefused(() => new ForwardKinematics(mimic, [elbow], ["hand"]), /no single position/);
  const ball = parseRobotModel(body('<joint name="j" type="ball"/>'));
  assertRefused(() => new ForwardKinematics(ball, [elbow], ["hand"]), /no single position/);
  const twice = parseRobotModel(body('<site name="hand"/>'));
  assertRefused(() => new ForwardKinematics(twice, [], ["hand"]), /more than one frame hand/);
  // A joint that does not move the frame is not asked for.
  const out = new Float64Array(3).fill(1);
  new ForwardKinematics(model, [], ["base"]).locate(new Float64Array(0), out);
  assert.deepEqual([...out], [0, 0, 0]);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import loadMujoco, { type MainModule } from "@mujoco/mujoco";
import * as fc from "fast-check";

import { repositoryPath } from "../support/repository.ts";
import {
  ForwardKinematics,
  type KinematicJoint,
} from "../../sdk/src/kinematics/forward-kinematics.ts";
import { parseRobotModel } from "../../sdk/src/kinematics/parse-robot-model.ts";

const mujoco: MainModule = await loadMujoco();

/** Every way in which MJCF places things, on one arm. */
const oddArm = `
<mujoco>
  <compiler eulerseq="XyZ"/>
  <default>
    <joint axis="0 2 0"/>
    <default class="lift"><joint type="slide" axis="1 1 0" pos="0.1 0.2 0.3"/>
      <default class="lift_ref"><joint ref="0.07"/></default>
    </default>
    <default class="offset"><site pos="0.01 0.02 0.03"/></default>
  </default>
  <worldbody>
    <frame pos="0.1 0 0.2" euler="10 20 30">
      <body name="a" pos="0.1 0 0" axisangle="1 1 0 40" childclass="lift">
        <inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>
        <joint name="j0"/>
        <joint name="j1" class="main" pos="0.05 -0.02 0.01" ref="15"/>
        <site name="s0" class="offset"/>
        <frame zaxis="0 -1 1">
          <body name="b" pos="0 0.2 0" xyaxes="1 1 0 0 1 1">
            <inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>
            <joint name="j2" type="hinge" axis="1 2 3"/>
            <body name="c" pos="0.2 0 0" quat="0.3 -0.4 0.5 0.6" childclass="lift_ref">
              <inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>
              <joint name="j3"/>
              <joint name="j4" class="main" axis="-1 0 0.2" pos="0 0.03 0"/>
              <site name="s1" type="capsule" size="0.01" fromto="0 0 0 0.1 0.2 0.3"/>
            </body>
          </body>
        </frame>
      </body>
    </frame>
    <body name="d" zaxis="0 0 -1" pos="1 0 0"><site name="s2" pos="0.1 0.2 0.3"/></body>
    <site name="s3" pos="1 2 3"/>
  </worldbody>
</mujoco>`;

const inertial = `<inertial><mass value="1"/>
  <inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>`;
const link = (name: string): string => `<link name="${name}">${inertial}</link>`;
/** MuJoCo reads URDF too; it is told to keep links that do not move. */
const urdfArm = `<?xml version="1.0"?>
<robot name="arm">
  <mujoco><compiler fusestatic="false"/></mujoco>
  ${["tool", "base", "upper", "fore", "plate", "cart"].map(link).join("\n")}
  <joint name="grip" type="fixed">
    <parent link="plate"/><child link="tool"/><origin xyz="0.01 0.02 0.1" rpy="0 1.5707963 0.4"/>
  </joint>
  <joint name="j0" type="continuous">
    <parent link="base"/><child link="upper"/><axis xyz="0 0 1"/><origin xyz="0 0 0.1"/>
  </joint>
  <joint name="j1" type="revolute">
    <parent link="upper"/><child link="fore"/><axis xyz="0 3 4"/>
    <origin xyz="0.2 0 0" rpy="0.3 -0.5 0.7"/><limit lower="-1" upper="1" effort="1" velocity="1"/>
  </joint>
  <joint name="j2" type="prismatic">
    <parent link="fore"/><child link="cart"/><origin rpy="1 2 3"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/>
  </joint>
  <joint name="j3" type="revolute">
    <parent link="cart"/><child link="plate"/><origin xyz="0 0.1 0"/><axis xyz="1 0 1"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/>
  </joint>
</robot>`;

/** Names of the model's hinges and slides in the order of `qpos`, and its own answer for a body or site. */
class Oracle {
  readonly joints: readonly KinematicJoint[];
  readonly frames: readonly string[];
  readonly #model;
  readonly #data;

  constructor(xml: string, frames: readonly string[]) {
    this.#model = mujoco.MjModel.from_xml_string(xml);
    this.#data = new mujoco.MjData(this.#model);
    this.frames = frames;
    const types: Int32Array = this.#model.jnt_type;
    this.joints = Array.from(types, (type, id) => ({
      name: mujoco.mj_id2name(this.#model, mujoco.mjtObj.mjOBJ_JOINT.value, id),
      kind: type === mujoco.mjtJoint.mjJNT_SLIDE.value ? "prismatic" : "revolute",
      minPosition: -3,
      maxPosition: 3,
    }));
  }

  locate(positions: Readonly<Float64Array>): readonly number[] {
    const all: Float64Array = this.#data.qpos;
    all.set(positions);
    mujoco.mj_kinematics(this.#model, this.#data);
    return this.frames.flatMap((name) => {
      const site = mujoco.mj_name2id(this.#model, mujoco.mjtObj.mjOBJ_SITE.value, name);
      const body = mujoco.mj_name2id(this.#model, mujoco.mjtObj.mjOBJ_BODY.value, name);
      assert.ok(site >= 0 || body >= 0, `MuJoCo knows ${name}`);
      const points: Float64Array = site >= 0 ? this.#data.site_xpos : this.#data.xpos;
      const id = site >= 0 ? site : body;
      return [...points.subarray(3 * id, 3 * id + 3)];
    });
  }
}

const robots: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "the push world's arm",
    readFileSync(repositoryPath("models/worlds/push/scene.xml"), "utf8"),
    ["tool", "jaw", "hand", "wrist", "forearm", "upper_arm", "shoulder"],
  ],
  ["a MJCF arm with everything", oddArm, ["a", "b", "c", "d", "s0", "s1", "s2", "s3"]],
  ["a URDF arm", urdfArm, ["upper", "fore", "cart", "plate", "tool"]],
];

for (const [name, xml, frames] of robots) {
  const oracle = new Oracle(xml, frames);
  const kinematics = new ForwardKinematics(parseRobotModel(xml), oracle.joints, frames);
  const count = oracle.joints.length;
  const anyPose = fc
    .array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: count, maxLength: count })
    .map((pose) => Float64Array.from(pose));
  const located = (pose: Readonly<Float64Array>): Float64Array => {
    const out = new Float64Array(3 * frames.length);
    kinematics.locate(pose, out);
    return out;
  };

  test(`${name}: frames are where MuJoCo says`, () => {
    fc.assert(
      fc.property(anyPose, (pose) => {
        const expected = oracle.locate(pose);
        for (const [i, value] of located(pose).entries()) {
          const difference = Math.abs(value - (expected[i] ?? Number.NaN));
          assert.ok(difference < 1e-9, `${frames[Math.floor(i / 3)]} is off by ${difference} m`);
        }
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: no frame moves farther than its reach`, () => {
    const reaches = frames.map((_, frame) => kinematics.reach(frame));
    fc.assert(
      fc.property(anyPose, anyPose, (from, to) => {
        const a = located(from);
        const b = located(to);
        for (const [frame, reach] of reaches.entries()) {
          const move = Math.hypot(
            ...[0, 1, 2].map((axis) => (a[3 * frame + axis] ?? 0) - (b[3 * frame + axis] ?? 0)),
          );
          const bound = reach.reduce(
            (sum, ofJoint, j) => sum + ofJoint * Math.abs((to[j] ?? 0) - (from[j] ?? 0)),
            0,
          );
          assert.ok(move <= bound + 1e-12, `${frames[frame]} moved ${move} of ${bound} m`);
        }
      }),
      { numRuns: 300 },
    );
  });
}

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as fc from "fast-check";

import { ActionGuard } from "../../sdk/src/action-guard.ts";
import { isOmpError } from "../../sdk/src/errors.ts";
import { Workspace, type WorkspaceBox } from "../../sdk/src/guard/workspace.ts";
import { ForwardKinematics } from "../../sdk/src/kinematics/forward-kinematics.ts";
import { parseRobotModel } from "../../sdk/src/kinematics/parse-robot-model.ts";
import { createTrajectory, type Joint, type Trajectory } from "../../sdk/src/types.ts";
import { repositoryPath } from "../support/repository.ts";

const model = parseRobotModel(readFileSync(repositoryPath("models/worlds/push/scene.xml"), "utf8"));
const names = [
  "shoulder_pan",
  "shoulder_lift",
  "elbow_flex",
  "wrist_flex",
  "wrist_roll",
  "gripper",
];
const joints = names.map((name): Joint => ({
  name,
  kind: "revolute",
  minPosition: -1.7,
  maxPosition: 1.7,
  maxVelocity: 3,
  maxAcceleration: 20,
}));
const home = Float64Array.of(0, -0.3, 0.4, 1.47, 0, 0);
const box: WorkspaceBox = {
  model,
  frames: ["tool", "wrist"],
  min: [0.05, -0.2, 0.02],
  max: [0.3, 0.15, 0.25],
};
const kinematics = new ForwardKinematics(model, joints, box.frames);
const dtMs = 50;

/** How deep the frame that is nearest to a side is inside, m; negative outside. */
function depthAt(pose: Readonly<Float64Array>): number {
  const points = new Float64Array(3 * box.frames.length);
  kinematics.locate(pose, points);
  return points.reduce(
    (least, point, i) =>
      Math.min(least, point - (box.min[i % 3] ?? 0), (box.max[i % 3] ?? 0) - point),
    Number.POSITIVE_INFINITY,
  );
}

/** The least depth on a segment, looked at 60 times, and on the controller's braking from its end: PROTOCOL.md §5. */
function depthAlong(from: Readonly<Float64Array>, to: Readonly<Float64Array>): number {
  const pose = new Float64Array(6);
  const velocity = from.map((start, j) => (((to[j] ?? 0) - start) * 1000) / dtMs);
  const ticks = Math.max(...velocity.map((v) => Math.ceil((Math.abs(v) * 1000) / 20)));
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k <= 60; k += 1) {
    for (let j = 0; j < 6; j += 1) {
      pose[j] = (from[j] ?? 0) + (((to[j] ?? 0) - (from[j] ?? 0)) * k) / 60;
    }
    least = Math.min(least, depthAt(pose));
  }
  for (let k = 1; k <= ticks; k += 1) {
    for (let j = 0; j < 6; j += 1) {
      const way = ((velocity[j] ?? 0) * k * (2 * ticks - k)) / (2 * ticks * 1000);
      pose[j] = Math.min(Math.max((to[j] ?? 0) + way, -1.7), 1.7);
    }
    least = Math.min(least, depthAt(pose));
  }
  return least;
}

function rowOf({ positions }: Trajectory, row: number): Float64Array {
  return positions.slice(6 * row, 6 * row + 6);
}

const rate = fc.integer({ min: -100, max: 100 }).map((percent) => percent / 100);
const anyWay = fc.record({
  directions: fc.array(fc.tuple(rate, rate, rate, rate, rate, rate), {
    minLength: 1,
    maxLength: 3,
  }),
  stretch: fc.integer({ min: 4, max: 12 }),
  isHoming: fc.boolean(),
});

function trajectoryFrom(
  start: Readonly<Float64Array>,
  { directions, stretch }: { directions: readonly (readonly number[])[]; stretch: number },
): Trajectory {
  const trajectory = createTrajectory(directions.length * stretch, 6);
  trajectory.count = directions.length * stretch;
  trajectory.dtMs = dtMs;
  const pose = Float64Array.from(start);
  for (let row = 0; row < trajectory.count; row += 1) {
    const direction = directions[Math.floor(row / stretch)] ?? [];
    for (let j = 0; j < 6; j += 1) pose[j] = (pose[j] ?? 0) + 0.15 * (direction[j] ?? 0);
    trajectory.positions.set(pose, 6 * row);
  }
  return trajectory;
}

test("no frame leaves the box, on the path or while the controller brakes from it", () => {
  let cut = 0;
  fc.assert(
    fc.property(fc.array(anyWay, { minLength: 1, maxLength: 4 }), (ways) => {
      const guard = new ActionGuard(joints, 3, 0, new Workspace(box, joints, joints));
      let start: Readonly<Float64Array> = home;
      for (const way of ways) {
        const trajectory = trajectoryFrom(start, way);
        const planned = trajectory.count;
        const refusal = guard.enforce(trajectory, start, new Float64Array(6));
        assert.equal(refusal?.reason, trajectory.count === 0 ? "workspace" : undefined);
        if (trajectory.count < planned) cut += 1;
        let from = start;
        for (let row = 0; row < trajectory.count; row += 1) {
          const to = rowOf(trajectory, row);
          assert.ok(depthAlong(from, to) >= 0, `row ${row} of ${trajectory.count}`);
          from = to;
        }
        start = from;
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(cut > 30, `only ${cut} paths were cut`);
});

test("only what comes nearer to a side than 1 mm is cut", () => {
  fc.assert(
    fc.property(anyWay, (way) => {
      const uncut = trajectoryFrom(home, way);
      new ActionGuard(joints, 3).enforce(uncut, home, new Float64Array(6));
      const inside = new Workspace(box, joints, joints).countInside(uncut, home);
      if (inside === uncut.count) return;
      const from = inside === 0 ? home : rowOf(uncut, inside - 1);
      const depth = depthAlong(from, rowOf(uncut, inside));
      assert.ok(depth < 0.001 + 0.002, `${depth} m deep at the least`);
    }),
    { numRuns: 200 },
  );
});

function straightWay(target: Readonly<Float64Array>, from: Readonly<Float64Array>): Trajectory {
  const trajectory = createTrajectory(20, 6);
  trajectory.count = 20;
  trajectory.dtMs = dtMs;
  for (let row = 0; row < 20; row += 1) {
    const pose = from.map((start, j) => start + (((target[j] ?? 0) - start) * (row + 1)) / 20);
    trajectory.positions.set(pose, 6 * row);
  }
  return trajectory;
}

test("an arm that begins outside comes in, and never goes farther out than it was", () => {
  const outside = Float64Array.of(0, 0.4, -0.9, 0.4, 0, 0);
  const workspace = new Workspace(box, joints, joints);
  assert.ok(depthAt(outside) < -0.005, `${depthAt(outside)} m`);
  const farther = outside.map((position, j) => position + (j === 1 ? 0.3 : 0));
  assert.equal(workspace.countInside(straightWay(farther, outside), outside), 0, "out is refused");
  assert.equal(workspace.countInside(straightWay(home, outside), outside), 20, "in is allowed");
  assert.equal(workspace.countInside(straightWay(home, home), home), 20);
  assert.ok(workspace.countInside(straightWay(outside, home), home) < 20, "and then it stays in");
  const half = outside.map((position, j) => (position + (home[j] ?? 0)) / 2);
  const third = outside.map((position, j) => position + ((home[j] ?? 0) - position) / 20);
  assert.equal(
    workspace.countInside(straightWay(half, third), third),
    20,
    "from wherever it was held",
  );
});

test("chunk after chunk, an arm that began outside is never farther out than it was", () => {
  const outside = Float64Array.of(0, 0.4, -0.9, 0.4, 0, 0);
  const outmost = depthAt(outside);
  let moved = 0;
  fc.assert(
    fc.property(fc.array(anyWay, { minLength: 1, maxLength: 6 }), (ways) => {
      const guard = new ActionGuard(joints, 3, 0, new Workspace(box, joints, joints));
      let start: Readonly<Float64Array> = outside;
      for (const way of ways) {
        const [aside = []] = way.directions;
        const near = home.map((position, j) => position + 0.05 * (aside[j] ?? 0));
        const trajectory = way.isHoming ? straightWay(near, start) : trajectoryFrom(start, way);
        // A path that is replaced on its way.
        trajectory.count = Math.min(trajectory.count, way.stretch);
        guard.enforce(trajectory, start, new Float64Array(6));
        moved += trajectory.count;
        for (let row = 0; row < trajectory.count; row += 1) {
          const to = rowOf(trajectory, row);
          assert.ok(depthAlong(start, to) >= outmost - 1e-7, `row ${row}`);
          start = to;
        }
      }
    }),
    { numRuns: 100 },
  );
  assert.ok(moved > 50, `only ${moved} waypoints were allowed`);
});

test("a box that cannot be kept is refused", () => {
  const refused = (
    change: Partial<WorkspaceBox>,
    code: "INVALID_ARGUMENT" | "ROBOT_MODEL_INVALID",
  ): void => {
    assert.throws(
      () => new Workspace({ ...box, ...change }, joints, joints),
      (error) => isOmpError(error, code),
    );
  };
  refused({ min: box.max }, "INVALID_ARGUMENT");
  refused({ min: [Number.NaN, 0, 0] }, "INVALID_ARGUMENT");
  refused({ frames: [] }, "INVALID_ARGUMENT");
  refused({ frames: ["thumb"] }, "ROBOT_MODEL_INVALID");
});

/**
 * Prints, as JSON, how many bytes of heap the guard leaves behind: `enforce` for a chunk of 8 waypoints of 6 joints with every limit and a
 * workspace, half of the chunks within their limits; `check` for a joint state. Run with `--expose-gc`.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import {
  ActionGuard,
  createJointState,
  createTrajectory,
  type Joint,
  parseRobotModel,
  Workspace,
} from "omp-edge";

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
  maxJerk: 400,
  maxEffort: 3,
  maxFollowingError: 0.1,
}));
const box = { min: [0.08, -0.18, 0], max: [0.28, 0.18, 0.3] } as const;
const workspace = new Workspace({ model, frames: ["tool", "wrist"], ...box }, joints, joints);
const guard = new ActionGuard(joints, 3, 30, workspace);

const home = Float64Array.of(0, -0.3, 0.4, 1.47, 0, 0);
const rest = new Float64Array(6);
const trajectory = createTrajectory(8, 6);
const chunks = [0.01, 0.2].map((size) =>
  Float64Array.from(
    trajectory.positions,
    (_, i) => (home[i % 6] ?? 0) + size * Math.sin(0.3 * (1 + Math.floor(i / 6))),
  ),
);
const state = createJointState(6);

function bytesPer(calls: number, call: (n: number) => void): number {
  const samples = Array.from({ length: 8 }, () => {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < calls; n += 1) call(n);
    return (process.memoryUsage().heapUsed - before) / calls;
  });
  return Math.min(...samples);
}

const enforce = bytesPer(6000, (n) => {
  trajectory.positions.set(chunks[n % 2] ?? rest);
  trajectory.count = 8;
  trajectory.dtMs = 50;
  guard.enforce(trajectory, home, rest, rest);
});
const clamped = Object.values(guard.clamps).some((counts) => counts.some((count) => count > 0));
assert.ok(clamped && guard.workspaceCuts > 0);

const check = bytesPer(60_000, (n) => {
  state.measuredAtMs = n + 0.25;
  state.command[n % 6] = 0.05 + (n % 7) / 50;
  guard.measured.check(state);
});
process.stdout.write(JSON.stringify({ enforce, check }));

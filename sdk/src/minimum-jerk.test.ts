import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { ActionGuard } from "./action-guard.ts";
import { fillMinimumJerk } from "./minimum-jerk.ts";
import { createTrajectory, type Joint } from "./types.ts";

const joints: readonly Joint[] = [
  ["shoulder", 3, 20, 400],
  ["wrist", 1, 4, 60],
].map(([name, maxVelocity, maxAcceleration, maxJerk]) => ({
  name: String(name),
  kind: "revolute",
  minPosition: -2,
  maxPosition: 2,
  maxVelocity: Number(maxVelocity),
  maxAcceleration: Number(maxAcceleration),
  maxJerk: Number(maxJerk),
}));

test("a move ends at the pose at rest and gives the guard nothing to clamp", () => {
  const angle = fc.double({ min: -2, max: 2, noNaN: true });
  const pose = fc.tuple(angle, angle);
  fc.assert(
    fc.property(pose, pose, fc.double({ min: 0.1, max: 1, noNaN: true }), (from, to, fraction) => {
      const trajectory = createTrajectory(60, 2);
      const start = Float64Array.from(from);
      fillMinimumJerk(trajectory, joints, start, to, fraction, 60);
      assert.ok(trajectory.count >= 2 && trajectory.count <= 60);
      const end = trajectory.count * 2;
      assert.deepEqual([...trajectory.positions.subarray(end - 4, end)], [...to, ...to]);
      const guard = new ActionGuard(joints, 3);
      guard.enforce(trajectory, start, new Float64Array(2));
      for (const counts of Object.values(guard.clamps)) assert.deepEqual([...counts], [0, 0]);
    }),
    { numRuns: 500 },
  );
});

test("a joint that begins outside its range is inside after one step, within its limits", () => {
  const outside = fc.double({ min: 1e-6, max: 1, noNaN: true });
  fc.assert(
    fc.property(outside, outside, fc.boolean(), (a, b, isAbove) => {
      const trajectory = createTrajectory(60, 2);
      const start = Float64Array.of(2 + a, -2 - b).map((value) => (isAbove ? value : -value));
      fillMinimumJerk(trajectory, joints, start, [0, 0], 0.5, 60);
      const guard = new ActionGuard(joints, 3);
      assert.equal(guard.enforce(trajectory, start, new Float64Array(2)), undefined);
      const seconds = trajectory.dtMs / 1000;
      for (const [j, { maxVelocity, maxAcceleration }] of joints.entries()) {
        const step = Math.abs((trajectory.positions[j] ?? Number.NaN) - (start[j] ?? 0));
        assert.ok(Math.abs(trajectory.positions[j] ?? Number.NaN) <= 2);
        assert.ok(step <= maxVelocity * seconds && step <= maxAcceleration * seconds ** 2 + 1e-6);
      }
      const end = (trajectory.count - 1) * 2;
      assert.deepEqual([...trajectory.positions.subarray(end, end + 2)], [0, 0]);
    }),
  );
});

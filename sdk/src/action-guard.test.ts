import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { ActionGuard } from "./action-guard.ts";
import { type ActionChunk, createTrajectory, type Joint, type Trajectory } from "./types.ts";

const joint: Joint = {
  name: "elbow",
  kind: "revolute",
  minPosition: -1,
  maxPosition: 1,
  maxVelocity: 3,
  maxAcceleration: 20,
};

const anyNumber = fc.oneof(
  fc.double({ min: -2, max: 2, noNaN: true }),
  fc.double(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1, -1),
);
const anyJoint: fc.Arbitrary<Joint> = fc.record({
  name: fc.constant("joint"),
  kind: fc.constant("revolute"),
  minPosition: fc.double({ min: -4, max: -0.1, noNaN: true }),
  maxPosition: fc.double({ min: 0.1, max: 4, noNaN: true }),
  maxVelocity: fc.double({ min: 0.01, max: 20, noNaN: true }),
  maxAcceleration: fc.double({ min: 0.1, max: 200, noNaN: true }),
});

/** Position of a row as the wire carries it: whole micro units. */
function wire(position: number): number {
  return Math.sign(position) * Math.round(Math.abs(position) * 1e6);
}

function pathOf(rows: readonly number[], dtMs: number): Trajectory {
  const trajectory = createTrajectory(rows.length, 1);
  trajectory.positions.set(rows);
  trajectory.count = rows.length;
  trajectory.dtMs = dtMs;
  return trajectory;
}

/** Asserts what the controller checks, in its integers, with a first segment that lost a tick to the clock. */
function assertControllerTakes(path: Trajectory, from: number, limits: Joint): void {
  const waypoints = [from, ...path.positions].map(wire);
  for (const [row, position] of waypoints.entries()) {
    assert.ok(position >= wire(limits.minPosition), `row ${row} at ${position}`);
    assert.ok(position <= wire(limits.maxPosition), `row ${row} at ${position}`);
    if (row === 0) continue;
    const ticks = row === 1 && path.dtMs > 1 ? path.dtMs - 1 : path.dtMs;
    const distance = Math.abs(position - (waypoints[row - 1] ?? Number.NaN));
    assert.ok(
      distance * 1000 <= limits.maxVelocity * 1e6 * ticks,
      `row ${row} moves ${distance} in ${ticks} ticks`,
    );
  }
}

test("whatever goes in, the controller takes what comes out", () => {
  fc.assert(
    fc.property(
      anyJoint,
      fc.array(anyNumber, { minLength: 1, maxLength: 24 }),
      fc.integer({ min: 1, max: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: -30, max: 30, noNaN: true }),
      (limits, rows, dtMs, where, velocity) => {
        const span = limits.maxPosition - limits.minPosition - 4e-6;
        const from = limits.minPosition + 2e-6 + where * span;
        const path = pathOf(rows, dtMs);
        new ActionGuard([limits], 3).enforce(
          path,
          Float64Array.of(from),
          Float64Array.of(velocity),
        );
        assertControllerTakes(path, from, limits);
      },
    ),
    { numRuns: 2000 },
  );
});

test("from rest the acceleration limit is kept too, up to and at the position limit", () => {
  fc.assert(
    fc.property(
      anyJoint,
      fc.array(anyNumber, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 5, max: 100 }),
      (limits, rows, dtMs) => {
        const path = pathOf(rows, dtMs);
        new ActionGuard([limits], 3).enforce(path, new Float64Array(1), new Float64Array(1));
        const steps = [0, ...path.positions].map(wire).map((to, i, all) => to - (all[i - 1] ?? to));
        const allowed = Math.max(1, limits.maxAcceleration * 1e6 * (dtMs / 1000) ** 2);
        for (const [row, step] of steps.entries()) {
          if (row === 0) continue;
          const change = Math.abs(step - (steps[row - 1] ?? Number.NaN));
          assert.ok(change <= allowed, `row ${row} changes its step by ${change} of ${allowed}`);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("position wins over acceleration when the arm can no longer stop in time", () => {
  const guard = new ActionGuard([joint], 3);
  const path = pathOf([2, 2, 2, 2], 50);
  guard.enforce(path, Float64Array.of(0.95), Float64Array.of(2.9));
  assertControllerTakes(path, 0.95, joint);
  const firstVelocity = ((path.positions[0] ?? Number.NaN) - 0.95) / 0.05;
  assert.ok(2.9 - firstVelocity > 20 * 0.05, "braking harder than the limit");
  assert.equal(guard.clamps.position[0], 4);
});

test("a path within its limits passes unchanged and uncounted", () => {
  const guard = new ActionGuard([joint], 3);
  const rows = Array.from({ length: 20 }, (_, i) => 0.0005 * (i + 1) ** 2);
  const path = pathOf(rows, 50);
  const clamped = guard.enforce(path, new Float64Array(1), new Float64Array(1));
  assert.equal(clamped, 0);
  assert.deepEqual(
    [...path.positions],
    rows.map((row) => Math.round(row * 1e6) / 1e6),
  );
  assert.equal(guard.clamps.position[0], 0);
});

test("clamps are counted by limit and joint", () => {
  const guard = new ActionGuard([joint, { ...joint, name: "wrist" }], 3);
  const path = createTrajectory(1, 2);
  path.count = 1;
  path.dtMs = 50;
  path.positions.set([0, 5]);
  assert.equal(guard.enforce(path, new Float64Array(2), new Float64Array(2)), 1);
  assert.deepEqual([...guard.clamps.position], [0, 1]);
  assert.deepEqual([...guard.clamps.velocity], [0, 1]);
  assert.deepEqual([...guard.clamps.acceleration], [0, 1]);
});

test("admit refuses what must not be executed and says where", () => {
  const guard = new ActionGuard([joint], 3);
  const command = Float64Array.of(0.1);
  assert.equal(guard.admit(chunk([9, 9, 0.5, 0.6]), 2, command), undefined);
  assert.equal(guard.admit(chunk([0, 0, 0.6, 0]), 2, command)?.reason, "max_step");
  assert.equal(
    guard.admit(chunk([0, 0, 0, 0]), 2, Float64Array.of(Number.NaN))?.reason,
    "max_step",
  );
  assert.equal(guard.admit(chunk([0, 0, 0]), 2, command)?.reason, "shape");
  assert.equal(guard.admit(chunk([0, 0, 0, 0]), 4, command)?.reason, "shape");
  const refusal = guard.admit(chunk([0, 0, 0, Number.NaN]), 2, command);
  assert.equal(refusal?.reason, "not_finite");
  assert.match(refusal.detail, /row 3 of elbow is NaN/);
});

function chunk(rows: readonly number[]): ActionChunk {
  return {
    rows: Float64Array.from(rows),
    horizon: 4,
    actionDim: 1,
    actionStartIndex: 1,
    dtMs: 50,
    sequence: 1,
    observedAtMs: 0,
    inferenceMs: 0,
  };
}

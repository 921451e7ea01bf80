import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { createJointState, type Joint } from "../types.ts";
import { MeasuredLimits } from "./measured-limits.ts";

const elbow: Joint = {
  name: "elbow",
  kind: "revolute",
  minPosition: -1,
  maxPosition: 1,
  maxVelocity: 3,
  maxAcceleration: 20,
  maxEffort: 2,
  maxFollowingError: 0.1,
};
const { maxEffort: _, ...wrist } = { ...elbow, name: "wrist" };

function check(
  limits: MeasuredLimits,
  measuredAtMs: number,
  effort: readonly number[],
  error: readonly number[],
): boolean {
  const state = createJointState(2);
  state.measuredAtMs = measuredAtMs;
  state.effort.set(effort);
  state.position.set([0.5, -0.5]);
  state.command.set(error.map((value, j) => value + (state.position[j] ?? 0)));
  return limits.check(state);
}

test("an excess is found when it has lasted, named, and counted once by limit and joint", () => {
  const limits = new MeasuredLimits([elbow, wrist], 20);
  assert.ok(check(limits, 0, [2, 99], [0.1, -0.1]), "at the limit is within it");
  assert.ok(check(limits, 10, [0, 0], [0, -0.2]));
  assert.ok(check(limits, 29, [-3, 0], [0, -0.2]), "19 ms");
  assert.ok(!check(limits, 30, [-3, 0], [0, -0.2]), "20 ms");
  assert.match(limits.detail, /^wrist has a distance .* of -0\.2, at most 0\.1 allowed$/);
  assert.ok(!check(limits, 49, [-3, 0], [0, -0.2]));
  assert.match(limits.detail, /^elbow has an effort of -3, at most 2 allowed$/);
  assert.deepEqual([...limits.excesses.following_error], [0, 1]);
  assert.deepEqual([...limits.excesses.effort], [1, 0]);
  assert.ok(check(limits, 60, [0, 0], [0, 0]));
  assert.ok(check(limits, 61, [0, 0], [0, -0.2]), "it begins anew");
  limits.reset();
  assert.ok(check(limits, 90, [0, 0], [0, -0.2]), "and after a reset");
});

test("without a tolerance a state is within exactly when every measured value is within its limit", () => {
  const value = fc.oneof(fc.double({ min: -4, max: 4 }), fc.double());
  const pair = fc.tuple(value, value);
  const limits = new MeasuredLimits([elbow, wrist], 0);
  let nowMs = 0;
  fc.assert(
    fc.property(pair, pair, ([a, b], [c, d]) => {
      const state = createJointState(2);
      state.measuredAtMs = nowMs += 1;
      state.effort.set([a, b]);
      state.command.set([c, d]);
      const isNumber = !Number.isNaN(b);
      const isWithin = Math.abs(a) <= 2 && isNumber && Math.abs(c) <= 0.1 && Math.abs(d) <= 0.1;
      assert.equal(limits.check(state), isWithin);
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { Brake, longestRamp } from "./brake.ts";

/** Every stop of a joint that moves forward and does not reverse, tried one by one: the shortest travel, or infinity. */
function shortestStop(step: number, change: number, maxChange: number, maxJerk: number): number {
  if (step === 0 && Math.abs(change) <= maxJerk) return 0;
  let shortest = Number.POSITIVE_INFINITY;
  for (let next = change - maxJerk; next <= change + maxJerk; next += 1) {
    const speed = step + next;
    // Neither speeding up more than before nor coasting can shorten a stop; without them the search ends.
    const isIdle = next > Math.max(0, change) || (next >= 0 && next === change);
    if (Math.abs(next) > maxChange || speed < 0 || isIdle) continue;
    shortest = Math.min(shortest, speed + shortestStop(speed, next, maxChange, maxJerk));
  }
  return shortest;
}

/** v + (v − change) + … while positive. */
function rampSum(value: number, change: number): number {
  let sum = 0;
  for (let left = value; left > 0; left -= change) sum += left;
  return sum;
}

test("longestRamp is the largest value that its definition allows", () => {
  fc.assert(
    fc.property(fc.integer({ max: 1e6 }), fc.integer({ min: 1, max: 1e4 }), (total, change) => {
      const value = longestRamp(total, change);
      assert.ok(rampSum(value, change) <= Math.max(0, total));
      assert.ok(total <= 0 || rampSum(value + 1, change) > total);
    }),
  );
});

test("no stop without reversing is shorter", () => {
  const brake = new Brake();
  for (let maxJerk = 1; maxJerk <= 3; maxJerk += 1) {
    for (let maxChange = 1; maxChange <= 4; maxChange += 1) {
      brake.maxJerk = maxJerk;
      brake.maxChange = maxChange;
      for (let step = 0; step <= 9; step += 1) {
        for (let change = -maxChange; change <= maxChange; change += 1) {
          const shortest = shortestStop(step, change, maxChange, maxJerk);
          brake.run(step, change);
          if (shortest === Number.POSITIVE_INFINITY) continue;
          const state = `${step}, ${change} with ${maxChange}, ${maxJerk}`;
          assert.equal(brake.travel, shortest, `from ${state}`);
          assert.equal(brake.lowest, 0);
        }
      }
    }
  }
});

test("a stop keeps its limits, ends, and goes on from every state on its way", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e5, max: 1e5 }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 1e5 }),
      fc.integer({ min: 1, max: 2e5 }),
      (start, ratio, maxChange, maxJerk) => {
        const brake = new Brake();
        brake.maxChange = maxChange;
        // A ramp of 1000 periods is longer than any that a robot has.
        brake.maxJerk = Math.min(Math.max(maxJerk, Math.ceil(maxChange / 1000)), 2 * maxChange);
        let step = start;
        let change = Math.trunc(ratio * maxChange);
        brake.run(step, change);
        const { travel, lowest, highest } = brake;
        let moved = 0;
        let n = 0;
        while (step !== 0 || Math.abs(change) > brake.maxJerk) {
          assert.ok((n += 1) < 2_100_000, "it ends");
          const next = brake.changeFrom(step, change);
          assert.ok(Math.abs(next) <= maxChange && Math.abs(next - change) <= brake.maxJerk);
          change = next;
          step += change;
          moved += step;
          assert.ok(moved >= lowest && moved <= highest);
        }
        assert.equal(moved, travel);
      },
    ),
    { numRuns: 300 },
  );
});

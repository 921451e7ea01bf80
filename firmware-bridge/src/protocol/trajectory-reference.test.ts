import assert from "node:assert/strict";
import { test } from "node:test";

import { TrajectoryReference } from "./trajectory-reference.ts";

const joint = { minPosition: -1_000_000, maxPosition: 1_000_000, maxAcceleration: 1_000_000 };

function path(reference: TrajectoryReference, ticks: number): number[] {
  return Array.from({ length: ticks }, () => {
    reference.advanceTo(reference.tick + 1);
    return reference.command[0] ?? Number.NaN;
  });
}

test("from rest the first segment lasts dt and every waypoint is met exactly", () => {
  const reference = new TrajectoryReference([joint], 1000, 100, [0]);
  reference.commit(100, 120, 10, Int32Array.of(7, -7));
  assert.deepEqual(
    path(reference, 10),
    Array.from({ length: 10 }, () => 0),
    "at rest until t0 - dt = 110",
  );
  assert.deepEqual(path(reference, 10), [0, 1, 2, 2, 3, 4, 4, 5, 6, 7], "truncated toward zero");
  assert.equal(path(reference, 10).at(-1), -7);
});

test("the ring running out brakes within the acceleration limit and stops", () => {
  const reference = new TrajectoryReference([joint], 1000, 0, [0]);
  reference.commit(0, 10, 10, Int32Array.of(1000)); // 0.1 rad/s, 100 ticks to rest
  path(reference, 10);
  assert.equal(reference.isMoving, true);
  const braking = path(reference, 100);
  assert.equal(braking.at(-1), 1000 + 5000, "v0 * N / 2");
  for (let k = 1; k < braking.length; k++) {
    const step = (braking[k] ?? 0) - (braking[k - 1] ?? 0);
    assert.ok(step >= 0 && step <= 100, `step ${step}`);
  }
  assert.equal(reference.isMoving, false);
});

test("a chunk replaces what is due from half a dt before it", () => {
  const reference = new TrajectoryReference([joint], 1000, 0, [0]);
  reference.commit(0, 10, 10, Int32Array.of(100, 200, 300));
  reference.commit(5, 29, 10, Int32Array.of(250)); // 20 < 24 is kept, 30 is dropped
  reference.advanceTo(20);
  assert.equal(reference.command[0], 200);
  reference.advanceTo(29);
  assert.equal(reference.command[0], 250);
});

test("a chunk that keeps nothing starts from the command of now", () => {
  const reference = new TrajectoryReference([joint], 1000, 0, [0]);
  reference.commit(0, 10, 10, Int32Array.of(100));
  reference.commit(4, 14, 10, Int32Array.of(40)); // waypoint 10 is due after 14 - 5
  reference.advanceTo(9);
  assert.equal(reference.command[0], 40, "constant from (4, 40) to (14, 40)");
});

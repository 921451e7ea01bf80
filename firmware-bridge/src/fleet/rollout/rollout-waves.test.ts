import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, constantFrom, property, uniqueArray, integer, nat } from "fast-check";

import { planWaves } from "./rollout-waves.ts";

const fleetOf = (size: number, canaries: number) =>
  Array.from({ length: size }, (_, i) => ({
    robotId: `r${i}`,
    groups: i < canaries ? ["canary"] : ["others"],
  }));

test("every robot is in one wave, the canary first, and no wave is larger than its percentage", () => {
  const percents = uniqueArray(integer({ min: 1, max: 99 }), { maxLength: 5 });
  check(
    property(nat(300), nat(10), percents, constantFrom("a", "b"), (more, canaries, some, hash) => {
      const robots = fleetOf(more + 1, Math.min(canaries, more + 1));
      const rising = [...some.toSorted((a, b) => a - b), 100];
      const canaryGroup = canaries > 0 ? "canary" : undefined;
      const waves = planWaves(robots, hash, { canaryGroup, percents: rising });
      assert.deepEqual(waves.flat().toSorted(), robots.map(({ robotId }) => robotId).toSorted());
      assert.ok(waves.every(({ length }) => length > 0));
      if (canaryGroup !== undefined) assert.equal(waves[0]?.length, Math.min(canaries, more + 1));
      assert.deepEqual(
        planWaves(robots.toReversed(), hash, { canaryGroup, percents: rising }),
        waves,
      );
    }),
  );
});

test("a hundred robots in waves of 1, 10, 50 and 100 per cent", () => {
  const sizes = planWaves(fleetOf(100, 0), "x", { percents: [1, 10, 50, 100] }).map(
    ({ length }) => length,
  );
  assert.deepEqual(sizes, [1, 9, 40, 50]);
});

test("another bundle draws another canary", () => {
  const canaries = ["a", "b", "c", "d"].map(
    (hash) => planWaves(fleetOf(100, 0), hash, { percents: [1, 100] })[0]?.[0],
  );
  assert.ok(new Set(canaries).size > 1);
});

test("waves that do not rise to 100, and a canary group without robots, are refused", () => {
  for (const percents of [[], [50], [100, 50], [0, 100], [10, 10, 100], [Number.NaN, 100], [101]]) {
    assert.throws(() => planWaves(fleetOf(3, 0), "x", { percents }), /INVALID_ARGUMENT/);
  }
  assert.throws(
    () => planWaves(fleetOf(3, 0), "x", { canaryGroup: "canary", percents: [100] }),
    /no robot is in the canary group/,
  );
});

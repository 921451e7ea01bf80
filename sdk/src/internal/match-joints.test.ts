import assert from "node:assert/strict";
import { test } from "node:test";

import { isOmpError } from "../errors.ts";
import type { Joint } from "../types.ts";
import { matchJoints } from "./match-joints.ts";

const elbow: Joint = {
  name: "elbow",
  kind: "revolute",
  minPosition: -1,
  maxPosition: 1,
  maxVelocity: 3,
  maxAcceleration: 20,
};

test("the tighter limit of the two sides holds", () => {
  const controller = { ...elbow, minPosition: -2, maxPosition: 0.5, maxVelocity: 2 };
  assert.deepEqual(matchJoints([elbow], [controller]), [
    { ...elbow, maxPosition: 0.5, maxVelocity: 2 },
  ]);
});

test("another name, kind, order or range is refused with both sides", () => {
  const wrist: Joint = { ...elbow, name: "wrist" };
  const cases: readonly [readonly Joint[], RegExp][] = [
    [[wrist], /Observed: wrist \(revolute\)\. Expected: elbow \(revolute\)/],
    [[{ ...elbow, kind: "prismatic" }], /prismatic/],
    [[elbow, wrist], /elbow \(revolute\), wrist/],
    [[{ ...elbow, minPosition: 2, maxPosition: 3 }], /no position of elbow/],
  ];
  for (const [controller, message] of cases) {
    assert.throws(
      () => matchJoints([elbow], controller),
      (error) => isOmpError(error, "LINK_MISMATCH") && message.test(error.message),
    );
  }
});

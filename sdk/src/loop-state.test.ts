import assert from "node:assert/strict";
import { test } from "node:test";

import { type LoopInput, type LoopState, nextLoopState } from "./loop-state.ts";

const states: readonly LoopState[] = ["idle", "arming", "running", "holding", "faulted"];
const inputs: readonly LoopInput[] = ["start", "armed", "run", "hold", "fault", "rearm", "stop"];

test("a fault is left by rearm or stop only", () => {
  const leaving = inputs.filter(
    (input) => !["faulted", undefined].includes(nextLoopState("faulted", input)),
  );
  assert.deepEqual(leaving, ["rearm", "stop"]);
});

test("the arm runs only after it was armed and held", () => {
  const before = states.filter((state) => nextLoopState(state, "run") === "running");
  assert.deepEqual(before, ["running", "holding"]);
});

test("everything stops", () => {
  for (const state of states) assert.equal(nextLoopState(state, "stop"), "idle");
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { isOmpError } from "../../sdk/src/errors.ts";
import { describeEvaluation } from "./evaluation-report.ts";

const runtime = {
  policy: "runtime",
  episodes: 20,
  successes: 18,
  interval_95: [0.699, 0.9721],
  inference: { p50_ms: 0.81, p99_ms: 2.5 },
  round_trip: { p50_ms: 1.23, p99_ms: 3.4 },
};

test("one policy is told with its interval and its times", () => {
  const result = { task: "push", policies: [runtime], paired: null };
  assert.deepEqual(describeEvaluation(result, { runtime: "runtime int8" }), [
    "task push",
    "runtime int8: 18 of 20 episodes succeeded, 90.0 % (95 % interval 69.9 % to 97.2 %)",
    "  inference p50 0.81 ms, p99 2.50 ms; round trip p50 1.23 ms, p99 3.40 ms",
  ]);
});

test("two policies are told with the seeds on which they differ", () => {
  const torch = { ...runtime, policy: "torch", successes: 20, round_trip: null };
  const paired = { only_first: [], only_second: [3, 7], mcnemar_p: 0.5 };
  const lines = describeEvaluation({ task: "push", policies: [runtime, torch], paired });
  assert.equal(lines.at(-2), "  inference p50 0.81 ms, p99 2.50 ms");
  assert.equal(lines.at(-1), "same seeds: 0 only runtime, 2 only torch; McNemar's exact p 0.50");
});

test("another result is not read as a rollout", () => {
  for (const result of [{}, { task: "push", policies: [{}], paired: null }]) {
    assert.throws(
      () => describeEvaluation(result),
      (error) => isOmpError(error, "INTERNAL"),
    );
  }
});

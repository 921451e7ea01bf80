import assert from "node:assert/strict";
import { test } from "node:test";

import { describeDemonstrations } from "./data-report.ts";

const inspected = {
  data: "demo.npz",
  plot: "plot.svg",
  episodes: 2,
  steps: 9,
  dt_ms: 12.5,
  lengths: { min: 4, median: 4.5, max: 5 },
  tasks: ["pick the cube"],
  keys: [
    {
      key: "observation.state",
      shape: [3],
      dtype: "float32",
      min: [-1, 0.25, 0],
      max: [0.123456, 0.25, 3],
      constant: [1],
    },
  ],
};

test("a report names sizes, every range and what never changes", () => {
  assert.deepEqual(describeDemonstrations(inspected), [
    "demo.npz: 2 episodes, 9 steps of 12.5 ms",
    "length  4 to 5 steps, median 4.5",
    "task    pick the cube",
    "key     observation.state float32 [3]",
    "        [0] -1 to 0.1235",
    "        [2] 0 to 3",
    "        constant: [1] 0.25",
    "plot    plot.svg",
  ]);
});

test("a recording without a period or a plot says so", () => {
  const [first, ...others] = describeDemonstrations({ ...inspected, dt_ms: null, plot: null });
  assert.equal(first, "demo.npz: 2 episodes, 9 steps, period not recorded");
  assert.ok(!others.some((line) => line.startsWith("plot")));
});

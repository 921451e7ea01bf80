import assert from "node:assert/strict";
import { test } from "node:test";

import { choose, type MeasuredSetting, type Setting, settings } from "./grid.ts";

const base: Setting = {
  variant: "int8",
  executionProvider: "cpu",
  intraOpNumThreads: 1,
  allowSpinning: false,
  graphOptimizationLevel: "all",
};

function measured(p50Us: number, change: Partial<Setting> = {}): MeasuredSetting {
  return { setting: { ...base, ...change }, p50Us };
}

test("the grid begins with the default variant and leaves out variants with inputs of their own", () => {
  const variant = { file: "policy.onnx", precision: "fp32" };
  const inputs = [{ name: "t", shape: [1], meaning: "time" }];
  const variants = [
    { ...variant, name: "tau", inputs },
    { ...variant, name: "fp32", inputs: [] },
    { ...variant, name: "int8", inputs: [] },
  ];
  const grid = settings(
    { variants, defaultVariant: "int8" },
    { providers: ["cuda", "cpu"], maxThreads: 2 },
  );
  assert.equal(grid[0]?.variant, "int8");
  assert.ok(grid.every((one) => one.variant !== "tau"));
  assert.ok(grid.every((one) => one.executionProvider === "cpu" || one.intraOpNumThreads === 1));
  assert.ok(grid.every((one) => !one.allowSpinning || one.intraOpNumThreads === 2));
  assert.equal(new Set(grid.map((one) => JSON.stringify(one))).size, grid.length);
  // Two variants, two levels: CUDA once, the CPU with one thread and with two that sleep or spin.
  assert.equal(grid.length, 2 * 2 * (1 + 3));
});

test("another core, or another variant than the default, must be worth 5 %", () => {
  const twoThreads = { intraOpNumThreads: 2, allowSpinning: true };
  assert.equal(choose([measured(96, twoThreads), measured(100)], "int8").p50Us, 100);
  assert.equal(choose([measured(90, twoThreads), measured(100)], "int8").p50Us, 90);
  assert.equal(choose([measured(96, { variant: "fp32" }), measured(100)], "int8").p50Us, 100);
  assert.equal(choose([measured(90, { variant: "fp32" }), measured(100)], "int8").p50Us, 90);
});

test("of settings that cost the same the fastest is chosen", () => {
  const extended = { graphOptimizationLevel: "extended" } as const;
  assert.equal(choose([measured(100), measured(99, extended)], "int8").p50Us, 99);
});

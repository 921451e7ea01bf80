import assert from "node:assert/strict";
import { test } from "node:test";

import { swapOnFirmware } from "../proof/hot-swap.ts";
import { firmwareMissing } from "../support/pty-robot.ts";

test(
  "the executed path equals the reference of what was admitted while policies take turns",
  { skip: firmwareMissing },
  async (t) => {
    const figures = await swapOnFirmware(6000);
    t.diagnostic(JSON.stringify(figures));
    assert.equal(figures.mismatches, 0);
    assert.ok(figures.swaps > 20, `${figures.swaps} swaps`);
    assert.ok(figures.chunks > 5, `${figures.chunks} chunks`);
  },
);

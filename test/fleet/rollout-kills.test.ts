import assert from "node:assert/strict";
import { test } from "node:test";

import { killRollouts } from "../proof/rollout-kills.ts";

test("a robot that is killed at random moments of updates always starts, with a whole bundle", async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const figures = await killRollouts(20, seed);
  t.diagnostic(JSON.stringify(figures));
  assert.equal(figures.kills, 20);
  assert.equal(figures.unrunnableAfterKill, 0);
  assert.equal(figures.halfWritten, 0);
  assert.ok(Object.keys(figures.killsByPhase).length > 2, "the kills fell into few phases");
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { mutateFrames } from "./mutated-frames.ts";

test("no damaged frame is taken for one that nobody sent, by the C core and by TypeScript", async (t) => {
  const count = 50_000;
  const report = await mutateFrames(count, 1);
  t.diagnostic(JSON.stringify(report));
  assert.equal(report.frames, count);
  assert.equal(report.acceptedAltered, 0);
  assert.equal(report.disagreements, 0);
  for (const [kind, frames] of Object.entries(report.kinds)) assert.ok(frames > count / 20, kind);
  assert.ok(report.acceptedWhole < count / 50, "most damage is damage");
});

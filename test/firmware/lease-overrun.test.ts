import assert from "node:assert/strict";
import { test } from "node:test";

import { measureLeaseOverrun } from "./lease-overrun.ts";

test("a motion brakes at the end of its lease, not before and at most two ticks after", async (t) => {
  const report = await measureLeaseOverrun();
  t.diagnostic(JSON.stringify(report));
  assert.ok(report.runs > 500);
  assert.ok(report.overrunTicksMax <= 2, `${report.overrunTicksMax} ticks late`);
  assert.ok(report.overrunTicksMin >= 0, `${-report.overrunTicksMin} ticks early`);
});

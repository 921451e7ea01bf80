import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { ClockPacer } from "./pacer.ts";
import { ManualClock } from "./testing/manual-clock.ts";

test("ticks come at the instants of one grid, and a pacer that was stopped is silent", () => {
  const clock = new ManualClock(0.25);
  const pacer = new ClockPacer(clock);
  const atMs: number[] = [];
  pacer.start(1000 / 300, () => atMs.push(clock.nowMs()));
  clock.advanceBy(1000);
  assert.equal(atMs.length, 301);
  for (const [index, ms] of atMs.entries()) {
    assert.ok(Math.abs(ms - (0.25 + (index * 1000) / 300)) < 1e-9, `tick ${index} at ${ms}`);
  }
  pacer.stop();
  clock.advanceBy(1000);
  assert.equal(atMs.length, 301);
});

test("whatever stalls, every instant is ticked or skipped once, and no tick is earlier than its own", () => {
  const periodMs = 2;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2560 })), (stalls) => {
      const clock = new ManualClock();
      const pacer = new ClockPacer(clock);
      let instants = 0;
      let ticks = 0;
      pacer.start(periodMs, (skipped) => {
        instants += skipped + 1;
        ticks += 1;
        const dueMs = (instants - 1 - skipped) * periodMs;
        assert.ok(clock.nowMs() >= dueMs, `due ${dueMs}, now ${clock.nowMs()}`);
      });
      clock.advanceBy(0);
      for (const stall of stalls) {
        const stallMs = stall / 64;
        const before = ticks;
        clock.stallUntil(clock.nowMs() + stallMs);
        assert.ok(ticks - before <= 2, `${ticks - before} ticks at once after ${stallMs} ms`);
      }
      assert.equal(instants, 1 + Math.floor(clock.nowMs() / periodMs));
      assert.equal(pacer.latenessMs.count, ticks);
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { createRandom } from "../../../sdk/src/random.ts";
import { ClockSync } from "./clock-sync.ts";

/** A controller whose tick 0 was at host `-bootMs`, running `drift` faster than the host. */
function probe(
  sync: ClockSync,
  sentAtMs: number,
  upMs: number,
  downMs: number,
  drift: number,
): void {
  const tick = (sentAtMs + upMs) * (1 + drift) + firstTick;
  const wireTick = Math.floor(tick) >>> 0;
  const subUs = Math.floor((tick - Math.floor(tick)) * 1000);
  sync.addProbe(sentAtMs, sentAtMs + upMs + downMs, {
    echo: 0,
    rxTick: wireTick,
    rxSubUs: subUs,
    txTick: wireTick,
    txSubUs: subUs,
  });
}

/** Wraps after ten seconds. */
const firstTick = 2 ** 32 - 10_000;

test("the map stays within the best probe's bound through jitter, drift and the tick's wrap", () => {
  const random = createRandom(3);
  const sync = new ClockSync(1000);
  const drift = 200e-6;
  for (let atMs = 0; atMs < 60_000; atMs += 250) {
    const isQuiet = random.uniform(0, 1) < 0.3;
    const upMs = isQuiet ? 0.1 : random.uniform(0.1, 20);
    const downMs = isQuiet ? 0.1 : random.uniform(0.1, 20);
    probe(sync, atMs, upMs, downMs, drift);
    if (atMs < 20_000) continue;
    const truth = atMs * (1 + drift) + firstTick;
    assert.ok(
      Math.abs(sync.tickAt(atMs) - truth) < 1,
      `${sync.tickAt(atMs) - truth} ticks at ${atMs}`,
    );
  }
  assert.ok(Math.abs(sync.drift - drift) < 60e-6, `drift ${sync.drift}`);
  assert.ok(Math.abs(sync.hostMsAt(sync.tickAt(61_234)) - 61_234) < 1e-6);
});

test("one probe is enough for a map with its bound", () => {
  const sync = new ClockSync(1000);
  assert.equal(sync.isSynced, false);
  assert.ok(Number.isNaN(sync.tickAt(0)));
  probe(sync, 100, 3, 1, 0);
  assert.equal(sync.isSynced, true);
  assert.equal(sync.errorMs, 2);
  assert.ok(Math.abs(sync.tickAt(100) - (100 + firstTick)) <= sync.errorMs);
});

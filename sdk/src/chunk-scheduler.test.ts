import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type { ActionSpec, PolicySpec } from "./bundle/manifest.ts";
import { ChunkScheduler } from "./chunk-scheduler.ts";
import { createHandover, type HandoverOptions } from "./handover/handover-options.ts";
import type { Plan } from "./plan.ts";
import type { ActionChunk } from "./types.ts";

const policy: PolicySpec = {
  kind: "omp",
  objective: "omp",
  nfe: 1,
  nObsSteps: 2,
  horizon: 16,
  nActionSteps: 8,
  actionStartIndex: 1,
  leadSteps: 1,
  dtMs: 50,
};
const action: ActionSpec = {
  key: "action",
  kind: "joint_position",
  dtype: "float32",
  names: ["elbow"],
  joints: [],
};
const rest = Float64Array.of(-1);
const MAX_WAYPOINTS = 64;

function createScheduler(): ChunkScheduler {
  return new ChunkScheduler(policy, 1, 5, MAX_WAYPOINTS);
}

/** Row r of the chunk is `base + r`. */
function chunkAt(observedAtMs: number, base: number): ActionChunk {
  const rows = Float64Array.from({ length: policy.horizon }, (_, row) => base + row);
  const { horizon, actionStartIndex, dtMs } = policy;
  const shape = { horizon, actionDim: 1, actionStartIndex, dtMs };
  return { rows, ...shape, sequence: 1, observedAtMs, inferenceMs: 0 };
}

function accept(scheduler: ChunkScheduler, plan: Plan | undefined, nowMs: number): Plan {
  assert.ok(plan);
  scheduler.sent();
  assert.equal(scheduler.settle(plan.trajectory.id, true, nowMs), true);
  return plan;
}

test("the first executed row is due one step after the lead, the rest of the horizon follows", () => {
  const scheduler = createScheduler();
  scheduler.start(1000);
  assert.equal(scheduler.isObservationDue(999), false);
  assert.equal(scheduler.takeInstant(1007), 1000, "the exact grid instant, not the tick's time");
  const plan = scheduler.schedule(chunkAt(1000, 100), 1010, rest);
  assert.ok(plan);
  assert.equal(plan.firstRow, 2, "row 1 is due at 1050 and belongs to the plan before");
  const { trajectory } = plan;
  assert.equal(trajectory.startAtMs, 1100);
  assert.equal(trajectory.count, 14);
  assert.deepEqual([...trajectory.positions.subarray(0, 3)], [102, 103, 104]);
  assert.deepEqual([...plan.junctionPosition, ...plan.junctionVelocity], [-1, 0]);
  assert.equal(scheduler.isObservationDue(1399), false);
  assert.equal(scheduler.isObservationDue(1400), true);
});

test("the next chunk joins the plan before at its own grid instant", () => {
  const scheduler = createScheduler();
  scheduler.start(1000);
  scheduler.takeInstant(1000);
  accept(scheduler, scheduler.schedule(chunkAt(1000, 100), 1010, rest), 1012);
  assert.equal(scheduler.takeInstant(1403), 1400);
  const plan = accept(scheduler, scheduler.schedule(chunkAt(1400, 200), 1410, rest), 1412);
  assert.equal(plan.trajectory.startAtMs, 1500);
  assert.equal(plan.junctionPosition[0], 109, "what the plan before commands at 1450");
  assert.equal(plan.junctionVelocity[0], 20, "one unit a step");
});

test("rows whose ramp cannot be reached are skipped and counted", () => {
  const scheduler = createScheduler();
  scheduler.start(1000);
  scheduler.takeInstant(1000);
  accept(scheduler, scheduler.schedule(chunkAt(1000, 100), 1010, rest), 1012);
  scheduler.takeInstant(1400);
  const plan = scheduler.schedule(chunkAt(1400, 200), 1496, rest);
  assert.equal(plan?.firstRow, 4, "the ramps at 1450 and 1500 begin less than 5 ms from now");
  assert.equal(plan.trajectory.startAtMs, 1600);
  assert.equal(plan.junctionPosition[0], 111);
  assert.equal(scheduler.counters.rowsSkipped, 2);
});

test("a chunk whose rows are all past comes to nothing and a new one is asked for", () => {
  const scheduler = createScheduler();
  scheduler.start(1000);
  scheduler.takeInstant(1000);
  assert.equal(scheduler.schedule(chunkAt(1000, 100), 1800, rest), undefined);
  assert.equal(scheduler.counters.chunksLate, 1);
  assert.equal(scheduler.isObservationDue(1800), true);
});

test("while a plan is undecided no other is made; a refused one leaves the plan before", () => {
  const scheduler = createScheduler();
  scheduler.start(1000);
  scheduler.takeInstant(1000);
  accept(scheduler, scheduler.schedule(chunkAt(1000, 100), 1010, rest), 1012);
  const second = scheduler.schedule(chunkAt(1400, 200), 1410, rest);
  assert.ok(second);
  scheduler.sent();
  assert.equal(scheduler.schedule(chunkAt(1450, 300), 1460, rest), undefined);
  assert.equal(scheduler.settle(second.trajectory.id, false, 1470), true);
  assert.equal(scheduler.settle(second.trajectory.id, true, 1470), false, "decided once");
  const third = scheduler.schedule(chunkAt(1500, 300), 1510, rest);
  assert.equal(third?.junctionPosition[0], 111, "the first plan's command at 1550");
});

test("the plan starves after its last row, and not before there is one", () => {
  const scheduler = createScheduler();
  scheduler.start(1000);
  assert.equal(scheduler.isStarved(5000), false);
  accept(scheduler, scheduler.schedule(chunkAt(1000, 0), 1010, rest), 1012);
  assert.equal(scheduler.isStarved(1750), false);
  assert.equal(scheduler.isStarved(1751), true);
  scheduler.stop();
  assert.equal(scheduler.isRunning, false);
});

test("a stall skips instants instead of making up for them", () => {
  const scheduler = createScheduler();
  scheduler.start(1000);
  scheduler.takeInstant(1000);
  assert.equal(scheduler.takeInstant(1530), 1500);
  assert.equal(scheduler.counters.instantsMissed, 2);
  assert.equal(scheduler.isObservationDue(1899), false);
});

test("however late chunks come and however they join, waypoints stay on one grid, joins are exact, the ring has room", () => {
  const latency = fc.integer({ min: 0, max: 300 });
  const latencyLists = fc.array(latency, { minLength: 1, maxLength: 30 });
  const handovers: readonly HandoverOptions[] = [
    { strategy: "replace" },
    { strategy: "fade" },
    { strategy: "ensemble" },
    { strategy: "ensemble", pointsPerStep: 5 },
  ];
  fc.assert(
    fc.property(latencyLists, fc.constantFrom(...handovers), (latencies, options) => {
      const handover = createHandover({ policy, action }, options);
      const scheduler = new ChunkScheduler(policy, 1, 5, MAX_WAYPOINTS, handover);
      scheduler.start(0);
      const commandAt = new Map<number, number>();
      let nowMs = 0;
      let lastStartMs = 0;
      for (const [i, latencyMs] of latencies.entries()) {
        while (!scheduler.isObservationDue(nowMs)) nowMs += 10;
        const instantMs = scheduler.takeInstant(nowMs);
        nowMs += latencyMs;
        const plan = scheduler.schedule(chunkAt(instantMs, i * 1000), nowMs, rest);
        if (plan === undefined) continue;
        const { startAtMs, dtMs, count, positions } = plan.trajectory;
        const junctionMs = startAtMs - dtMs;
        assert.equal(junctionMs % policy.dtMs, 0);
        assert.equal(dtMs, policy.dtMs / (options.pointsPerStep ?? 1));
        assert.ok(junctionMs >= nowMs + 5, "its first ramp is ahead");
        assert.ok(startAtMs > lastStartMs, "plans advance");
        const joined = commandAt.get(junctionMs);
        if (joined !== undefined) assert.equal(plan.junctionPosition[0], joined);
        accept(scheduler, plan, nowMs);
        lastStartMs = startAtMs;
        // What PROTOCOL.md has the ring keep. A first plan finds it empty.
        const kept = [...commandAt.keys()].filter(
          (atMs) => atMs >= nowMs && atMs < startAtMs - dtMs / 2,
        );
        assert.ok(kept.length + count <= MAX_WAYPOINTS, `${kept.length} kept, ${count} sent`);
        for (const atMs of commandAt.keys()) if (atMs >= startAtMs) commandAt.delete(atMs);
        for (let row = 0; row < count; row += 1) {
          commandAt.set(startAtMs + row * dtMs, positions[row] ?? Number.NaN);
        }
      }
    }),
    { numRuns: 500 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { FaultReason, isOmpError, type ObservationSpec } from "omp-edge";
import { ScriptedSensor } from "omp-edge/testing";

import { advance, evaluateRows, TinyLoop, tinyManifest } from "./tiny-loop.ts";

const { dtMs } = tinyManifest.policy;

test("a policy of a simulator never reaches an arm", async () => {
  const action = { ...tinyManifest.action, kind: "simulator", joints: [] } as const;
  const { loop, link } = await TinyLoop.create({ manifest: { ...tinyManifest, action } });
  await assert.rejects(loop.start(), (error) => isOmpError(error, "LINK_MISMATCH"));
  assert.deepEqual([loop.state, link.state], ["idle", "idle"]);
});

test("the policy's rows are reached at their instants, whatever the ticks do", async () => {
  const tiny = await TinyLoop.create();
  const due: { atMs: number; position: number }[] = [];
  tiny.loop.on("trajectorySent", ({ startAtMs, dtMs: stepMs, positions }) => {
    for (let row = 0; row < 4; row += 1) {
      due.push({ atMs: startAtMs + row * stepMs, position: positions[row * 2] ?? Number.NaN });
    }
  });
  await tiny.loop.start();
  const startMs = tiny.clock.nowMs();
  for (let ms = 0; ms < 2000; ms += 1) {
    await tiny.run(1);
    const now = due.find(({ atMs }) => atMs === tiny.clock.nowMs());
    if (now !== undefined) assert.equal(tiny.command, now.position, `at ${now.atMs - startMs} ms`);
  }
  assert.deepEqual(tiny.states, ["arming", "holding", "running"]);
  assert.equal(tiny.loop.counters.inferences, 10, "one every 4 steps of 50 ms");
  assert.equal(tiny.loop.counters.trajectoriesSent, 10);
  assert.equal(tiny.link.counters.trajectoriesAccepted, 10);
  assert.equal(tiny.loop.counters.starvations, 0);
  assert.ok(tiny.command > 0.2, `the arm moved to ${tiny.command}`);
  const stopping = tiny.loop.stop();
  await tiny.run(300);
  await stopping;
  assert.equal(tiny.loop.state, "idle");
  assert.equal(tiny.link.state, "idle");
});

test("the first rows hold the command until the lead has passed", async () => {
  const tiny = await TinyLoop.create();
  await tiny.loop.start();
  await tiny.run(dtMs);
  assert.equal(tiny.command, 0, "step 0 belongs to the plan before: the arm at rest");
  await tiny.run(dtMs + 1);
  assert.ok(tiny.command > 0);
});

test("a late inference is skipped by its timestamps and the tail carries the arm", async () => {
  let delayMs = 0;
  const clockOf: { tiny?: TinyLoop } = {};
  const graph = evaluateRows(advance);
  const tiny = await TinyLoop.create({
    evaluate: async (inputs, outputs) => {
      graph(inputs, outputs);
      const clock = clockOf.tiny?.clock;
      if (clock === undefined || delayMs === 0) return;
      await new Promise<void>((resolve) => {
        clock.callAt(clock.nowMs() + delayMs, resolve);
      });
    },
  });
  clockOf.tiny = tiny;
  await tiny.loop.start();
  await tiny.run(250);
  delayMs = 120;
  await tiny.run(300);
  delayMs = 0;
  const skipped = tiny.loop.stages?.scheduler.counters.rowsSkipped ?? 0;
  assert.equal(skipped, 2, "rows due 100 and 150 ms after the observation could not be ramped to");
  assert.equal(tiny.loop.counters.starvations, 0);
  assert.equal(tiny.loop.counters.faults, 0);
  await tiny.run(500);
  assert.equal(tiny.loop.state, "running");
});

test("an inference that never answers starves the arm, which rests, then faults", async () => {
  let isHanging = false;
  const graph = evaluateRows(advance);
  const tiny = await TinyLoop.create({
    evaluate: async (inputs, outputs) => {
      if (isHanging) await new Promise<void>(() => undefined);
      graph(inputs, outputs);
    },
  });
  await tiny.loop.start();
  await tiny.run(250);
  isHanging = true;
  await tiny.run(700);
  assert.equal(tiny.loop.counters.starvations, 1);
  assert.equal(tiny.loop.fault?.reason, FaultReason.InferenceFailed);
  const restedAt = tiny.command;
  await tiny.run(300);
  assert.equal(tiny.command, restedAt);
});

test("a stall of the host does not bend the path and is not made up for", async () => {
  const smooth = await TinyLoop.create();
  const stalled = await TinyLoop.create();
  await smooth.loop.start();
  await stalled.loop.start();
  await smooth.run(305);
  await stalled.run(305);
  await smooth.run(60);
  stalled.clock.stallUntil(stalled.clock.nowMs() + 60);
  assert.equal(stalled.command, smooth.command);
  await smooth.run(300);
  await stalled.run(300);
  assert.equal(stalled.loop.state, "running");
  assert.equal(stalled.loop.counters.inferences, smooth.loop.counters.inferences);
  assert.ok(stalled.loop.counters.ticksSkipped >= 5);
});

test("a stale sensor holds the arm, then faults; rearm continues on fresh samples", async () => {
  let isAlive = true;
  const tiny = await TinyLoop.create({
    sensors: (clock) => [
      new ScriptedSensor(clock, {
        key: "observation.state",
        periodMs: 10,
        sample: () => (isAlive ? [0, 0] : undefined),
      }),
    ],
  });
  await tiny.loop.start();
  await tiny.run(300);
  assert.equal(tiny.loop.state, "running");
  isAlive = false;
  await tiny.run(maxAgeMs(tinyManifest.observations[0]) + 20);
  assert.equal(tiny.loop.state, "holding");
  await tiny.run(300);
  const held = tiny.command;
  await tiny.run(300);
  assert.equal(tiny.command, held);
  assert.equal(tiny.loop.fault?.reason, FaultReason.ObservationStale);
  assert.match(tiny.loop.fault.detail, /observation\.state is stale/);
  isAlive = true;
  await tiny.run(300);
  assert.equal(tiny.loop.state, "faulted", "a fault is left by rearm only");
  await tiny.loop.rearm();
  await tiny.run(300);
  assert.equal(tiny.loop.state, "running");
  assert.equal(tiny.loop.fault, undefined);
});

test("a sensor that recovers in time costs a hold and no fault", async () => {
  let isAlive = true;
  const tiny = await TinyLoop.create({
    sensors: (clock) => [
      new ScriptedSensor(clock, {
        key: "observation.state",
        periodMs: 10,
        sample: () => (isAlive ? [0, 0] : undefined),
      }),
    ],
  });
  await tiny.loop.start();
  await tiny.run(300);
  isAlive = false;
  await tiny.run(200);
  isAlive = true;
  await tiny.run(500);
  assert.equal(tiny.loop.state, "running");
  assert.equal(tiny.loop.counters.staleHolds, 1);
  assert.deepEqual(tiny.faults, []);
});

test("a NaN from a sensor is a fault that names the key", async () => {
  let value = 0;
  const tiny = await TinyLoop.create({
    sensors: (clock) => [
      new ScriptedSensor(clock, {
        key: "observation.state",
        periodMs: 10,
        sample: () => [0, value],
      }),
    ],
  });
  await tiny.loop.start();
  await tiny.run(100);
  value = Number.NaN;
  await tiny.run(20);
  assert.equal(tiny.loop.fault?.reason, FaultReason.ObservationInvalid);
  assert.match(tiny.loop.fault.detail, /observation\.state.*NaN at index 1/);
});

test("a NaN from the network never reaches the link", async () => {
  const tiny = await TinyLoop.create({ evaluate: evaluateRows(() => [Number.NaN, 0]) });
  await tiny.loop.start();
  await tiny.run(200);
  assert.equal(tiny.loop.fault?.reason, FaultReason.InferenceFailed);
  assert.equal(tiny.link.counters.framesSent, 0);
});

test("a chunk that begins far away is refused whole", async () => {
  const tiny = await TinyLoop.create({ evaluate: evaluateRows(() => [1.4, 0]) });
  await tiny.loop.start();
  await tiny.run(200);
  assert.equal(tiny.loop.fault?.reason, FaultReason.ChunkRefused);
  assert.match(tiny.loop.fault.detail, /shoulder/);
  assert.equal(tiny.link.counters.framesSent, 0);
});

test("an unplugged link faults; rearm reconnects and continues", async () => {
  const tiny = await TinyLoop.create();
  await tiny.loop.start();
  await tiny.run(300);
  tiny.link.unplug("cable out");
  assert.equal(tiny.loop.fault?.reason, FaultReason.LinkLost);
  assert.match(tiny.loop.fault.detail, /cable out/);
  await tiny.run(500);
  const held = tiny.command;
  await tiny.loop.rearm();
  await tiny.run(40);
  assert.equal(tiny.command, held, "nothing of the plan before the unplug is executed");
  await tiny.run(400);
  assert.equal(tiny.loop.state, "running");
  assert.ok(tiny.command > held);
  assert.equal(tiny.loop.counters.faults, 1);
});

test("a controller fault latches here too and rearm clears both", async () => {
  const tiny = await TinyLoop.create();
  await tiny.loop.start();
  await tiny.run(300);
  tiny.link.controller.latch("following error");
  await tiny.run(20);
  assert.equal(tiny.loop.fault?.reason, FaultReason.ControllerFault);
  assert.equal(tiny.loop.fault.detail, "following error");
  await tiny.run(300);
  await tiny.loop.rearm();
  await tiny.run(300);
  assert.equal(tiny.loop.state, "running");
});

test("a fault that the link reports from inside hold() stands", async () => {
  const tiny = await TinyLoop.create();
  await tiny.loop.start();
  await tiny.run(300);
  tiny.link.controller.latch("following error");
  const moved = tiny.loop.moveTo([0, 0]);
  await assert.rejects(moved, { code: "INVALID_STATE" });
  assert.equal(tiny.loop.state, "faulted");
  assert.equal(tiny.loop.fault?.detail, "following error");
  await tiny.run(300);
  await tiny.loop.rearm();
  await tiny.run(300);
  assert.equal(tiny.loop.state, "running");
});

test("emergencyStop latches on the controller and in the loop", async () => {
  const tiny = await TinyLoop.create();
  await tiny.loop.start();
  await tiny.run(300);
  tiny.loop.emergencyStop();
  assert.equal(tiny.loop.fault?.reason, FaultReason.EmergencyStop);
  assert.equal(tiny.link.state, "faulted");
  assert.equal(tiny.faults.length, 1);
});

test("a chunk of the episode before is never sent", async () => {
  const pending: (() => void)[] = [];
  const graph = evaluateRows(advance);
  let isSlow = false;
  const tiny = await TinyLoop.create({
    evaluate: async (inputs, outputs) => {
      graph(inputs, outputs);
      if (!isSlow) return;
      await new Promise<void>((resolve) => {
        pending.push(resolve);
      });
    },
  });
  await tiny.loop.start();
  await tiny.run(150);
  isSlow = true;
  await tiny.run(70);
  assert.equal(pending.length, 1);
  tiny.loop.restartEpisode({ seed: 3 });
  isSlow = false;
  pending.pop()?.();
  const { framesSent } = tiny.link.counters;
  await tiny.run(5);
  assert.equal(tiny.loop.counters.chunksDiscarded, 1);
  assert.equal(tiny.link.counters.framesSent, framesSent);
  await tiny.run(500);
  assert.equal(tiny.loop.state, "running");
});

test("moveTo arrives at the pose, at rest, and waits for the next episode", async () => {
  const tiny = await TinyLoop.create();
  await tiny.loop.start({ paused: true });
  const move = tiny.loop.moveTo([1, -1]);
  await tiny.run(3000);
  await move;
  assert.equal(tiny.command, 1);
  assert.equal(tiny.loop.state, "holding");
  assert.equal(tiny.loop.counters.inferences, 0);
  tiny.loop.restartEpisode({ seed: 1 });
  await tiny.run(300);
  assert.equal(tiny.loop.state, "running");
});

test("calls in the wrong state and options out of range say so", async () => {
  const tiny = await TinyLoop.create();
  await assert.rejects(tiny.loop.rearm(), isStateError);
  assert.throws(() => {
    tiny.loop.restartEpisode();
  }, isStateError);
  await assert.rejects(TinyLoop.create({ options: { tickHz: 0 } }), /tickHz.*1 to 1000 Hz/);
});

function isStateError(error: unknown): boolean {
  return isOmpError(error, "INVALID_STATE");
}

function maxAgeMs(spec: ObservationSpec | undefined): number {
  return spec?.maxAgeMs ?? Number.NaN;
}

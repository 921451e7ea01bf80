import assert from "node:assert/strict";
import { test } from "node:test";

import {
  type ActionChunk,
  createRandom,
  type Observation,
  OmpPolicy,
  type SamplingOptions,
  sleepUntil,
  type TensorBuffers,
} from "omp-edge";
import { FakeBackend } from "omp-edge/testing";

import { advance, evaluateRows, TinyLoop, tinyGraph, tinyManifest } from "./tiny-loop.ts";

const { dtMs, horizon } = tinyManifest.policy;
const size = horizon * 2;

const times = ["t", "r"].map((name) => ({ name, shape: [1], dtype: "float32" as const }));

interface Seen {
  readonly z: readonly number[];
  readonly t: number | undefined;
  readonly r: number | undefined;
}

/** A policy whose graph answers with a tenth of its noise, and what it was asked. */
async function createPolicy(
  sampling: SamplingOptions,
  hasTimes = true,
): Promise<{ policy: OmpPolicy; seen: Seen[] }> {
  const seen: Seen[] = [];
  const backend = new FakeBackend({
    inputs: hasTimes ? [...tinyGraph.inputs, ...times] : tinyGraph.inputs,
    outputs: tinyGraph.outputs,
    evaluate: (inputs: TensorBuffers, outputs: TensorBuffers) => {
      const z = inputs.get("noise") ?? new Float32Array();
      seen.push({ z: [...z], t: inputs.get("t")?.[0], r: inputs.get("r")?.[0] });
      outputs.get("action")?.set(z.map((value) => value / 10));
    },
  });
  const info = await backend.load({ bytes: new Uint8Array() });
  return { policy: new OmpPolicy({ manifest: tinyManifest, backend, info, ...sampling }), seen };
}

function observationAt(step: number): Observation {
  return {
    values: new Map([["observation.state", new Float32Array(4)]]),
    observedAtMs: 1000 + step * dtMs,
  };
}

/** Draws of the episode of `seed`, chunk by chunk. */
function draws(seed: number, count: number): number[][] {
  const stream = createRandom(seed ^ 0x9e3779b9);
  return Array.from({ length: count }, () => {
    const noise = new Float32Array(size);
    stream.fillNormal(noise);
    return [...noise];
  });
}

/** A row of a chunk in network units: [min, max] of the training set is [-1, 1]. */
function normalized({ rows }: ActionChunk, row: number): number[] {
  const { min = [], max = [] } = tinyManifest.normalization.stats.get("action") ?? {};
  return [0, 1].map((j) => {
    const [low = Number.NaN, high = Number.NaN] = [min[j], max[j]];
    return (((rows[row * 2 + j] ?? Number.NaN) - low) / (high - low)) * 2 - 1;
  });
}

test("a warm start mixes what the chunk before says of the same instants into the noise, at its time", async () => {
  const tau = 0.75;
  const { policy, seen } = await createPolicy({ warmStartTau: tau });
  policy.reseed(3);
  const [first = [], second = [], third = []] = draws(3, 3);
  const old = await policy.act(observationAt(0));
  assert.deepEqual(seen[0], { z: first, t: 1, r: 0 }, "the first chunk starts from noise");

  const steps = 3;
  await policy.act(observationAt(steps));
  assert.deepEqual([seen[1]?.t, seen[1]?.r], [tau, 0]);
  for (let row = 0; row < horizon; row += 1) {
    const before = normalized(old, Math.min(row + steps, horizon - 1));
    for (const [j, value] of before.entries()) {
      const expected = (1 - tau) * value + tau * (second[row * 2 + j] ?? Number.NaN);
      const z = seen[1]?.z[row * 2 + j] ?? Number.NaN;
      assert.ok(Math.abs(z - expected) < 1e-6, `row ${row}: ${z}, not ${expected}`);
    }
  }

  policy.interrupt();
  await policy.act(observationAt(steps + 4));
  assert.deepEqual(seen[2], { z: third, t: 1, r: 0 }, "an interrupted motion starts from noise");
});

test("no warm start without a chunk that reaches so far, without an instant, or for another's noise", async () => {
  const { policy, seen } = await createPolicy({ warmStartTau: 0.5 });
  await policy.act(observationAt(0));
  await policy.act(observationAt(horizon));
  await policy.act({ "observation.state": [0, 0] });
  await policy.act(observationAt(horizon + 1));
  await policy.act(observationAt(horizon + 2), policy.createChunk(), createRandom(1));
  await policy.act(observationAt(horizon + 3));
  policy.reseed(0);
  await policy.act(observationAt(horizon + 4));
  assert.deepEqual(
    seen.map(({ t }) => t),
    [1, 1, 1, 1, 1, 1, 1],
  );
  await policy.act(observationAt(horizon + 5));
  assert.equal(seen[7]?.t, 0.5);
});

test("a chunk of before an interruption is not started from", async () => {
  const { policy, seen } = await createPolicy({ warmStartTau: 0.5 });
  const running = policy.act(observationAt(0));
  policy.interrupt();
  await running;
  await policy.act(observationAt(1));
  assert.equal(seen[1]?.t, 1);
});

test("a loop starts every motion cold: the first, that after a pause, that after the arm ran out of waypoints", async () => {
  const seen: (number | undefined)[] = [];
  const stalled: { until?: Promise<void> } = {};
  const moved = evaluateRows(advance);
  const tiny = await TinyLoop.create({
    sampling: { warmStartTau: 0.5 },
    extraInputs: times,
    options: { inferenceTimeoutMs: 10_000 },
    evaluate: async (inputs, outputs) => {
      seen.push(inputs.get("t")?.[0]);
      await stalled.until;
      await moved(inputs, outputs);
    },
  });
  await tiny.loop.start();
  await tiny.run(1000);
  const [first, ...others] = seen.splice(0);
  assert.equal(first, 1);
  assert.ok(others.length > 2 && others.every((t) => t === 0.5));

  tiny.loop.pause();
  await tiny.run(300);
  tiny.loop.restartEpisode();
  await tiny.run(500);
  assert.deepEqual(seen.splice(0, 2), [1, 0.5]);
  seen.splice(0);

  stalled.until = sleepUntil(tiny.clock, tiny.clock.nowMs() + 2000);
  await tiny.run(3000);
  assert.equal(tiny.loop.counters.starvations, 1);
  assert.deepEqual(seen.slice(0, 3), [0.5, 1, 0.5], "what starved is not started from");
  assert.deepEqual(tiny.faults, []);
});

test("a graph without times refuses a warm start", async () => {
  await assert.rejects(createPolicy({ warmStartTau: 0.5 }, false), {
    code: "INVALID_ARGUMENT",
    message: /cannot start warm.*observation\.state, noise.*t and r/,
  });
});

/** The noise of three chunks of episode 5 and of the first of episode 6. */
async function drawnNoise(sampling: SamplingOptions): Promise<(readonly number[])[]> {
  const { policy, seen } = await createPolicy(sampling, false);
  policy.reseed(5);
  for (let step = 0; step < 3; step += 1) await policy.act(observationAt(step));
  policy.reseed(6);
  await policy.act(observationAt(3));
  return seen.map(({ z }) => z);
}

test("noise is drawn anew, once an episode, or not at all", async () => {
  const [first, second, third] = draws(5, 3);
  const [ofNext] = draws(6, 1);
  assert.deepEqual(await drawnNoise({}), [first, second, third, ofNext]);
  assert.deepEqual(await drawnNoise({ noise: "fixed" }), [first, first, first, ofNext]);
  const zero = Array.from({ length: size }, () => 0);
  assert.deepEqual(await drawnNoise({ noise: "zero" }), [zero, zero, zero, zero]);
});

test("the spread is the deviation of the samples over the executed rows, and drawing it changes no chunk", async () => {
  const alone = await createPolicy({}, false);
  const several = await createPolicy({ spreadSamples: 4 }, false);
  const { actionStartIndex, leadSteps, nActionSteps } = tinyManifest.policy;
  for (let step = 0; step < 3; step += 1) {
    const expected = await alone.policy.act(observationAt(step));
    const chunk = await several.policy.act(observationAt(step));
    assert.deepEqual(chunk.rows, expected.rows);
    assert.equal(expected.spread, undefined);
    const samples = several.seen.slice(-4).map(({ z }) => {
      const rows = Float64Array.from(z, (value) => Math.fround(value / 10));
      return Array.from({ length: nActionSteps }, (_, i) =>
        normalized({ ...chunk, rows }, actionStartIndex + leadSteps + i),
      ).flat();
    });
    const count = nActionSteps * 2;
    let variance = 0;
    for (let i = 0; i < count; i += 1) {
      const values = samples.map((sample) => sample[i] ?? Number.NaN);
      const mean = values.reduce((sum, value) => sum + value, 0) / 4;
      variance += values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3 / count;
    }
    assert.ok(Math.abs((chunk.spread ?? Number.NaN) - Math.sqrt(variance)) < 1e-6);
    const reused = await alone.policy.act(observationAt(step), chunk, createRandom(1));
    assert.ok(!("spread" in reused), "a spread of another policy");
  }
});

test("sampling options out of range say so", async () => {
  const refused: readonly [SamplingOptions | object, RegExp][] = [
    [{ noise: "pink" }, /noise.*pink.*seeded, fixed, zero/],
    [{ warmStartTau: 0 }, /warmStartTau.*above 0 to 1/],
    [{ warmStartTau: Number.NaN }, /warmStartTau/],
    [{ spreadSamples: 1.5 }, /spreadSamples.*whole number/],
    [{ spreadSamples: 65 }, /spreadSamples.*1 to 64/],
  ];
  for (const [sampling, message] of refused) {
    await assert.rejects(createPolicy(sampling), { code: "INVALID_ARGUMENT", message });
  }
});

test("the arm holds while the samples disagree, and follows the policy again when they do not", async () => {
  let isUnsure = false;
  let call = 0;
  const moved = evaluateRows(advance);
  const tiny = await TinyLoop.create({
    sampling: { spreadSamples: 3 },
    options: { maxSpread: 0.2, uncertainHoldMs: 100, staleFaultMs: 10_000 },
    evaluate: (inputs, outputs) => {
      call += 1;
      void moved(inputs, outputs);
      const action = outputs.get("action") ?? new Float32Array();
      if (isUnsure) for (let i = 0; i < size; i += 1) action[i] = (action[i] ?? 0) + (call % 3) / 2;
    },
  });
  await tiny.loop.start();
  await tiny.run(1000);
  assert.equal(tiny.loop.counters.spreadHolds, 0);
  const sent = tiny.loop.counters.trajectoriesSent;
  assert.ok(sent > 2);
  const before = tiny.command;

  isUnsure = true;
  await tiny.run(600);
  const { spreadHolds, trajectoriesSent, inferences } = tiny.loop.counters;
  assert.ok(spreadHolds >= 2 && spreadHolds <= 7, `${spreadHolds} holds: one about every 100 ms`);
  assert.ok(trajectoriesSent - sent <= 1, "nothing unsure is sent");
  assert.ok(inferences - spreadHolds >= sent);
  assert.equal(tiny.loop.state, "holding");
  const held = tiny.command;
  assert.ok(held > before, "it was moving");
  await tiny.run(300);
  assert.equal(tiny.command, held, "it rests");

  isUnsure = false;
  await tiny.run(1000);
  assert.equal(tiny.loop.state, "running");
  assert.ok(tiny.command > held);
  assert.deepEqual(tiny.faults, []);
});

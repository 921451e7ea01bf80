import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type { ObservationSpec, PolicySpec } from "./bundle/manifest.ts";
import { isOmpError } from "./errors.ts";
import type { AlignmentMethod } from "./internal/aligned-channel.ts";
import { type ObservationAlignment, ObservationBuffer } from "./observation-buffer.ts";

const policy: PolicySpec = {
  kind: "omp",
  objective: "omp",
  nfe: 1,
  nObsSteps: 3,
  horizon: 8,
  nActionSteps: 4,
  actionStartIndex: 2,
  leadSteps: 1,
  dtMs: 50,
};

function spec(key: string, maxAgeMs: number): ObservationSpec {
  const shape = { shape: [1], size: 1, names: ["x"], dtype: "float32", unit: "m" } as const;
  return { key, ...shape, rateHz: 100, maxAgeMs };
}

function createBuffer(alignment?: ObservationAlignment): ObservationBuffer {
  const observations = [spec("fast", 40), spec("slow", 200)];
  return new ObservationBuffer({ policy, observations }, alignment);
}

function stepsOf(buffer: ObservationBuffer, atMs: number): Record<string, number[]> {
  const out = buffer.createObservation();
  assert.deepEqual(
    { ...buffer.observe(atMs, out), ageMs: 0 },
    { status: "fresh", key: "", ageMs: 0 },
  );
  return Object.fromEntries([...out.values].map(([key, values]) => [key, [...values]]));
}

test("every step takes the newest sample that is not after its instant, oldest first", () => {
  const buffer = createBuffer();
  for (let atMs = 0; atMs <= 1000; atMs += 10) buffer.push("fast", [atMs], atMs);
  for (let atMs = 3; atMs <= 1000; atMs += 100) buffer.push("slow", [atMs], atMs);
  const out = buffer.createObservation();
  const verdict = buffer.observe(955, out);
  assert.equal(verdict.status, "fresh");
  assert.equal(verdict.ageMs, 52);
  assert.equal(out.observedAtMs, 955);
  assert.deepEqual([...(out.values.get("fast") ?? [])], [850, 900, 950]);
  assert.deepEqual([...(out.values.get("slow") ?? [])], [803, 903, 903]);
});

test("the first sample stands for the steps before it, and only at the start", () => {
  const buffer = createBuffer();
  buffer.push("fast", [7], 1000);
  buffer.push("slow", [8], 1000);
  const out = buffer.createObservation();
  assert.equal(buffer.observe(1000, out).status, "fresh");
  assert.deepEqual([...(out.values.get("fast") ?? [])], [7, 7, 7]);
  buffer.reset();
  assert.deepEqual({ ...buffer.check(1001) }, { status: "missing", key: "fast", ageMs: 0 });
});

test("a ring that has lost its first samples never invents history", () => {
  const buffer = createBuffer();
  buffer.push("slow", [0], 0);
  for (let i = 0; i < 100_000; i += 1) buffer.push("fast", [i], i / 1000);
  assert.equal(buffer.check(100).status, "missing");
});

test("a key older than its own limit is stale and named", () => {
  const buffer = createBuffer();
  buffer.push("fast", [0], 0);
  buffer.push("slow", [0], 0);
  assert.equal(buffer.check(40).status, "fresh");
  assert.deepEqual({ ...buffer.check(41) }, { status: "stale", key: "fast", ageMs: 41 });
  for (let atMs = 10; atMs <= 300; atMs += 10) buffer.push("fast", [atMs], atMs);
  assert.deepEqual({ ...buffer.check(201) }, { status: "stale", key: "slow", ageMs: 201 });
});

test("a gap in the history is stale too", () => {
  const buffer = createBuffer();
  for (const atMs of [0, 10, 100, 110]) buffer.push("fast", [atMs], atMs);
  buffer.push("slow", [0], 0);
  assert.deepEqual({ ...buffer.check(110) }, { status: "stale", key: "fast", ageMs: 50 });
});

test("samples from the future of the instant are not used", () => {
  const buffer = createBuffer();
  buffer.push("fast", [1], 100);
  buffer.push("slow", [1], 100);
  assert.equal(buffer.check(99).status, "missing");
});

test("a bad sample is refused, counted and not stored", () => {
  const buffer = createBuffer();
  const refuse = (key: string, values: readonly number[], atMs: number, message: RegExp): void => {
    assert.throws(
      () => {
        buffer.push(key, values, atMs);
      },
      (error) => isOmpError(error, "INVALID_OBSERVATION") && message.test(error.message),
    );
  };
  refuse("depth", [1], 0, /depth.*no such key/);
  refuse("fast", [1, 2], 0, /fast.*2 numbers.*1 numbers/);
  refuse("fast", [Number.NaN], 0, /fast.*NaN at index 0/);
  refuse("fast", [1], Number.NaN, /fast.*finite time/);
  assert.equal(buffer.counters.samplesRefused, 4);
  assert.equal(buffer.counters.samplesStored, 0);
  buffer.push("fast", [1], 10);
  buffer.push("fast", [2], 10);
  assert.equal(buffer.counters.samplesOutOfOrder, 1);
});

test("nearest takes a later sample when that is closer, and of two equally close the earlier", () => {
  const buffer = createBuffer({ keys: { slow: { method: "nearest" } } });
  for (let atMs = 0; atMs <= 200; atMs += 10) buffer.push("fast", [atMs], atMs);
  for (const atMs of [0, 60, 140, 204]) buffer.push("slow", [atMs], atMs);
  assert.deepEqual(stepsOf(buffer, 200), { fast: [100, 150, 200], slow: [60, 140, 204] });
});

test("interpolated lies between its neighbours, and holds the newest where there is none yet", () => {
  const buffer = createBuffer({ keys: { slow: { method: "interpolated" } } });
  for (let atMs = 0; atMs <= 200; atMs += 10) buffer.push("fast", [atMs], atMs);
  for (const atMs of [20, 120, 180]) buffer.push("slow", [2 * atMs], atMs);
  assert.deepEqual(stepsOf(buffer, 200), { fast: [100, 150, 200], slow: [200, 300, 360] });
});

test("the other keys are aligned with the anchor's samples", () => {
  const keys = { fast: { method: "interpolated" }, slow: { method: "nearest" } } as const;
  const buffer = createBuffer({ anchor: "slow", keys });
  for (let atMs = 0; atMs <= 200; atMs += 10) buffer.push("fast", [atMs], atMs);
  for (const atMs of [93, 146, 187]) buffer.push("slow", [atMs], atMs);
  assert.deepEqual(stepsOf(buffer, 200), { slow: [93, 146, 187], fast: [93, 146, 187] });
});

test("a sample too far from its instant is skewed and named, however fresh it is", () => {
  const skewed = { status: "skewed", key: "fast", ageMs: 12 };
  const anchored = createBuffer({ anchor: "slow", keys: { fast: { maxSkewMs: 10 } } });
  for (const atMs of [0, 100]) anchored.push("slow", [0], atMs);
  for (const atMs of [0, 50, 88, 101]) anchored.push("fast", [0], atMs);
  assert.deepEqual({ ...anchored.check(101) }, skewed);
  const nearest = createBuffer({ keys: { fast: { method: "nearest", maxSkewMs: 10 } } });
  for (const key of ["fast", "slow"]) nearest.push(key, [0], key === "fast" ? 100 : 80);
  assert.deepEqual({ ...nearest.check(88) }, skewed);
  assert.equal(nearest.check(90).status, "fresh");
});

test("interpolation across a gap is as skewed as its farther end", () => {
  const buffer = createBuffer({ keys: { slow: { method: "interpolated", maxSkewMs: 100 } } });
  for (let atMs = 0; atMs <= 300; atMs += 10) buffer.push("fast", [0], atMs);
  for (const atMs of [0, 190, 300]) buffer.push("slow", [0], atMs);
  assert.deepEqual({ ...buffer.check(300) }, { status: "fresh", key: "", ageMs: 0 });
  assert.deepEqual({ ...buffer.check(280) }, { status: "skewed", key: "slow", ageMs: 180 });
});

test("options tighten what the manifest allows and cannot loosen it", () => {
  const buffer = createBuffer({ keys: { slow: { maxAgeMs: 30 } } });
  buffer.push("fast", [0], 35);
  buffer.push("slow", [0], 0);
  assert.deepEqual({ ...buffer.check(35) }, { status: "stale", key: "slow", ageMs: 35 });
  const refused: readonly ObservationAlignment[] = [
    { keys: { slow: { maxAgeMs: 201 } } },
    { keys: { slow: { maxAgeMs: 0 } } },
    { keys: { slow: { maxSkewMs: -1 } } },
    { keys: { slow: { maxSkewMs: Number.NaN } } },
    { keys: { depth: {} } },
    { anchor: "depth" },
    { anchor: "slow", keys: { slow: { method: "interpolated" } } },
  ];
  for (const alignment of refused) {
    assert.throws(
      () => createBuffer(alignment),
      (error) => isOmpError(error, "INVALID_ARGUMENT") && /slow|depth/.test(error.message),
    );
  }
});

test("what is fresh is what a search through all samples finds, and within every limit", () => {
  const times = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 });
  const method = fc.constantFrom<AlignmentMethod>("before", "nearest", "interpolated");
  let compared = 0;
  fc.assert(
    fc.property(times, times, method, fc.nat(200), (anchorTimes, unsorted, kind, maxSkewMs) => {
      const observations = [spec("fast", 500), spec("slow", 500)];
      const alignment = { anchor: "slow", keys: { fast: { method: kind, maxSkewMs } } };
      const buffer = new ObservationBuffer({ policy, observations }, alignment);
      for (const atMs of anchorTimes.sort((a, b) => a - b)) buffer.push("slow", [atMs], atMs);
      const captured = unsorted.sort((a, b) => a - b);
      for (const atMs of captured) buffer.push("fast", [atMs ** 2], atMs);
      const out = buffer.createObservation();
      if (buffer.observe(400, out).status !== "fresh") return;
      compared += 1;
      const references = out.values.get("slow") ?? [];
      const values = out.values.get("fast") ?? [];
      for (const [step, reference] of references.entries()) {
        const earlier = captured.findLast((atMs) => atMs <= reference);
        const later = captured.find((atMs) => atMs >= reference);
        const isLast = step === policy.nObsSteps - 1;
        if (earlier === undefined && !isLast) continue;
        const a = earlier ?? later ?? Number.NaN;
        const b = (kind === "before" ? earlier : later) ?? a;
        const isNearA = reference - a <= b - reference;
        const expected =
          kind === "interpolated"
            ? a ** 2 + (a === b ? 0 : (reference - a) / (b - a)) * (b ** 2 - a ** 2)
            : (kind === "before" || isNearA ? a : b) ** 2;
        assert.ok(Math.abs((values[step] ?? Number.NaN) - expected) < 0.1, `step ${step}`);
        const used = kind === "interpolated" ? [a, b] : [Math.sqrt(expected)];
        for (const atMs of used) assert.ok(Math.abs(atMs - reference) <= maxSkewMs + 1e-6);
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(compared > 50, `only ${compared} observations were fresh`);
});

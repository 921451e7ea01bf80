import assert from "node:assert/strict";
import { test } from "node:test";

import type { ObservationSpec, PolicySpec } from "./bundle/manifest.ts";
import { isOmpError } from "./errors.ts";
import { ObservationBuffer } from "./observation-buffer.ts";

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

function createBuffer(): ObservationBuffer {
  return new ObservationBuffer({ policy, observations: [spec("fast", 40), spec("slow", 200)] });
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

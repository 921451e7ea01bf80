import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import {
  createSharedFrames,
  createSharedSamples,
  FrameReader,
  overwrittenFrames,
  SampleReader,
} from "omp-edge";

import type { StressOrder } from "../support/shared-memory-stress.ts";

function startWriter(order: StressOrder): { refused: number | undefined; ended: Promise<unknown> } {
  const entry = new URL("../support/shared-memory-stress.js", import.meta.url);
  const worker = new Worker(entry, { workerData: order });
  const writer: ReturnType<typeof startWriter> = {
    refused: undefined,
    ended: once(worker, "exit"),
  };
  worker.once("message", (refused: number) => {
    writer.refused = refused;
  });
  return writer;
}

test("samples of another thread arrive whole and in order, and those that do not are counted", async () => {
  const count = 400_000;
  const samples = createSharedSamples(16, 64);
  const reader = new SampleReader(samples);
  const writer = startWriter({ kind: "samples", samples, count });
  const out = new Float32Array(16);
  let read = 0;
  let newest = 0;
  while (writer.refused === undefined || newest < count) {
    // Time for the message of the end; a reader on a thread of its own needs none.
    await turn();
    const before = read;
    for (let i = 0; i < 5000 && reader.shift(out); i += 1) {
      const sequence = reader.capturedAtMs * 8;
      assert.ok(sequence > newest, `${sequence} after ${newest}`);
      assert.ok(
        out.every((value) => value === sequence),
        `torn: ${out.join()} at ${sequence}`,
      );
      newest = sequence;
      read += 1;
    }
    if (writer.refused !== undefined && read === before) break;
  }
  await writer.ended;
  assert.equal(read + (writer.refused ?? Number.NaN), count);
  assert.equal(reader.lost, writer.refused);
  assert.ok(read > 1000, `only ${read} samples came through`);
});

for (const [size, count] of [
  [4096, 60_000],
  // So small and so many that both threads are inside the hand-over at once again and again.
  [8, 3_000_000],
] as const) {
  test(`frames of ${size} bytes from another thread are whole, and never older than the one before`, async () => {
    const frames = createSharedFrames(size);
    const reader = new FrameReader(frames);
    const writer = startWriter({ kind: "frames", frames, count });
    const words = size / Uint32Array.BYTES_PER_ELEMENT;
    let taken = 0;
    let newest = 0;
    while (newest < count) {
      if (!reader.take() && !reader.wait(50)) continue;
      const { buffer, byteOffset } = reader.frame;
      const frame = new Uint32Array(buffer, byteOffset, words);
      const [first = 0] = frame;
      if (first <= newest || reader.capturedAtMs !== first || !frame.every((w) => w === first)) {
        assert.fail(`torn or old: ${frame.join()} at ${reader.capturedAtMs} after ${newest}`);
      }
      newest = first;
      taken += 1;
    }
    await writer.ended;
    assert.equal(taken + overwrittenFrames(frames), count);
    assert.ok(taken > 100, `only ${taken} frames were taken`);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { isOmpError } from "./errors.ts";
import { SharedSensor } from "./shared-sensor.ts";
import { createSharedSamples, SampleReader, SampleWriter } from "./shared-samples.ts";

/** What the ring should be: a queue that refuses when it is full. */
interface Model {
  readonly queue: number[];
  next: number;
  lost: number;
}

interface Ring {
  writer: SampleWriter;
  reader: SampleReader;
}

const SIZE = 3;

class Push implements fc.Command<Model, Ring> {
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, { writer }: Ring): void {
    const hasRoom = model.queue.length < this.#capacity;
    assert.equal(writer.push(sampleOf(model.next), model.next / 7), hasRoom);
    if (hasRoom) model.queue.push(model.next);
    else model.lost += 1;
    model.next += 1;
  }

  toString(): string {
    return "push";
  }
}

class Shift implements fc.Command<Model, Ring> {
  check(): boolean {
    return true;
  }

  run(model: Model, { reader }: Ring): void {
    const out = new Float32Array(SIZE);
    const expected = model.queue.shift();
    assert.equal(reader.shift(out), expected !== undefined);
    if (expected !== undefined) {
      assert.deepEqual(out, Float32Array.from(sampleOf(expected)));
      assert.equal(reader.capturedAtMs, expected / 7);
    }
    assert.equal(reader.lost, model.lost);
  }

  toString(): string {
    return "shift";
  }
}

function sampleOf(sequence: number): number[] {
  return [sequence, -sequence, sequence / 3];
}

test("the ring is a queue that refuses and counts when it is full", () => {
  for (const capacity of [1, 2, 8]) {
    const commands = fc.commands([fc.constant(new Push(capacity)), fc.constant(new Shift())], {
      maxCommands: 100,
    });
    fc.assert(
      fc.property(commands, (cmds) => {
        const samples = createSharedSamples(SIZE, capacity);
        const real = { writer: new SampleWriter(samples), reader: new SampleReader(samples) };
        fc.modelRun(() => ({ model: { queue: [], next: 0, lost: 0 }, real }), cmds);
      }),
    );
  }
});

test("counts that pass 2^31 and 2^32 lose nothing", () => {
  for (const start of [2 ** 31 - 3, 2 ** 32 - 3]) {
    const samples = createSharedSamples(1, 4);
    const header = new Int32Array(samples.memory, 0, 64);
    // Both counts, where the ring keeps them.
    header[0] = start;
    header[32] = start;
    const writer = new SampleWriter(samples);
    const reader = new SampleReader(samples);
    const out = new Float32Array(1);
    for (let i = 0; i < 12; i += 1) {
      assert.ok(writer.push([i], i));
      if (i >= 3) assert.ok(reader.shift(out) && out[0] === i - 3);
    }
    assert.ok(writer.push([12], 12));
    assert.equal(writer.push([13], 13), false);
  }
});

test("a ring that cannot be made is refused", () => {
  for (const [size, capacity] of [
    [0, 4],
    [4, 0],
    [1.5, 4],
    [4, 2 ** 25],
  ] as const) {
    assert.throws(
      () => createSharedSamples(size, capacity),
      (error) => isOmpError(error, "INVALID_ARGUMENT"),
    );
  }
  assert.equal(createSharedSamples(1, 5).capacity, 8);
});

test("a shared sensor pushes in order when it is polled, and nothing from before its start or after its stop", async () => {
  const samples = createSharedSamples(2, 8);
  const writer = new SampleWriter(samples);
  const sensor = new SharedSensor("observation.state", samples);
  const pushed: [string, number[], number][] = [];
  const sink = {
    push: (key: string, values: ArrayLike<number>, capturedAtMs: number): void => {
      pushed.push([key, Array.from(values), capturedAtMs]);
    },
  };
  writer.push([1, 1], 1);
  sensor.poll();
  await sensor.start(sink);
  writer.push([2, 2], 2);
  writer.push([3, 3], 3);
  sensor.poll();
  sensor.poll();
  await sensor.stop();
  writer.push([4, 4], 4);
  sensor.poll();
  assert.deepEqual(pushed, [
    ["observation.state", [2, 2], 2],
    ["observation.state", [3, 3], 3],
  ]);
});

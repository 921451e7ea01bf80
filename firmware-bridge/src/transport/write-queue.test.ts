import assert from "node:assert/strict";
import { test } from "node:test";

import { ManualClock } from "../../../sdk/src/testing/manual-clock.ts";
import { WriteQueue } from "./write-queue.ts";

function createQueue(): { clock: ManualClock; queue: WriteQueue } {
  const clock = new ManualClock();
  return { clock, queue: new WriteQueue(clock, { maxPendingBytes: 10, maxPendingAgeMs: 50 }) };
}

/** Takes at most `limit` bytes and keeps them. */
function sink(limit = Number.POSITIVE_INFINITY): {
  taken: number[];
  write: (bytes: Uint8Array, start: number, length: number) => number;
} {
  const taken: number[] = [];
  const write = (bytes: Uint8Array, start: number, length: number): number => {
    const room = Math.min(length, limit - taken.length);
    taken.push(...bytes.subarray(start, start + room));
    return room;
  };
  return { taken, write };
}

const push = (queue: WriteQueue, ...bytes: number[]): boolean =>
  queue.push(Uint8Array.from(bytes), 0, bytes.length);

test("writes leave whole and in order", () => {
  const { queue } = createQueue();
  assert.ok(push(queue, 1, 2, 3));
  assert.ok(push(queue, 4, 5));
  const first = sink(2);
  assert.equal(queue.drain(first.write), false);
  const second = sink();
  assert.equal(queue.drain(second.write), true);
  assert.deepEqual([...first.taken, ...second.taken], [1, 2, 3, 4, 5]);
  assert.equal(queue.dropped, 0);
});

test("what does not fit is refused whole", () => {
  const { queue } = createQueue();
  assert.ok(push(queue, 1, 2, 3, 4, 5, 6));
  assert.equal(push(queue, 1, 2, 3, 4, 5), false);
  assert.ok(push(queue, 7, 8, 9, 10));
  assert.equal(queue.freeBytes, 0);
});

test("old writes are dropped, except the one that has begun to leave", () => {
  const { clock, queue } = createQueue();
  push(queue, 1, 2);
  push(queue, 3);
  queue.drain(sink(1).write);
  clock.advanceBy(40);
  push(queue, 4);
  clock.advanceBy(20);
  const rest = sink();
  assert.equal(queue.drain(rest.write), true);
  assert.deepEqual(rest.taken, [2, 4]);
  assert.equal(queue.dropped, 1);
});

test("discard keeps only what has begun to leave", () => {
  const { queue } = createQueue();
  push(queue, 1, 2);
  push(queue, 3);
  queue.drain(sink(1).write);
  queue.discard();
  push(queue, 9);
  const rest = sink();
  queue.drain(rest.write);
  assert.deepEqual(rest.taken, [2, 9]);
  assert.equal(queue.dropped, 1);
});

test("clear drops also what has begun to leave", () => {
  const { queue } = createQueue();
  push(queue, 1, 2);
  push(queue, 3);
  queue.drain(sink(1).write);
  queue.clear();
  assert.ok(queue.isEmpty);
  assert.equal(queue.dropped, 2);
  push(queue, 9);
  const rest = sink();
  queue.drain(rest.write);
  assert.deepEqual(rest.taken, [9]);
});

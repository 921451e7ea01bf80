import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { RecordRing } from "./record-ring.ts";

const records = fc.array(
  fc.record(
    {
      channel: fc.nat({ max: 7 }),
      atMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      values: fc.array(fc.double({ noNaN: true }), { maxLength: 20 }),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 60 },
);

test("a ring keeps the newest records that fit, whole and in order", () => {
  fc.assert(
    fc.property(records, fc.integer({ min: 64, max: 200 }), (written, capacity) => {
      const ring = new RecordRing(capacity);
      for (const { channel, atMs, values } of written) {
        assert.ok(ring.append(channel, atMs, values, values.length));
      }
      const kept = [];
      const record = ring.createRecord();
      for (let at: number | undefined = ring.oldest; ;) {
        at = ring.read(at, record);
        if (at === undefined) break;
        const { channel, atMs, count } = record;
        kept.push({ channel, atMs, values: [...record.values.subarray(0, count)] });
      }
      let size = 0;
      const fitting = written.toReversed().filter(({ values }) => {
        size += values.length + 3;
        return size <= capacity;
      });
      assert.deepEqual(kept, fitting.toReversed());
    }),
  );
});

test("a reader that was overtaken goes on with the oldest record", () => {
  const ring = new RecordRing(64);
  ring.append(0, 0, [1], 1);
  const begin = ring.oldest;
  for (let i = 1; i < 100; i += 1) ring.append(0, i, [i], 1);
  const record = ring.createRecord();
  const next = ring.read(begin, record);
  assert.equal(record.atMs, 84);
  assert.equal(next, ring.oldest + 4);
});

test("a record longer than the ring is refused and nothing is lost", () => {
  const ring = new RecordRing(64);
  ring.append(1, 5, [1, 2], 2);
  assert.equal(ring.append(0, 6, new Float64Array(100), 100), false);
  assert.equal(ring.end - ring.oldest, 5);
});

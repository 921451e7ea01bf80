import assert from "node:assert/strict";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import * as fc from "fast-check";

import { decodeRecords, encodeRecord } from "./record-format.ts";
import { RecordLog } from "./record-log.ts";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "omp-log-"));
  t.after(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Everything that a process that opens the folder now finds, as number and text. */
async function contents(path: string): Promise<(readonly [number, string])[]> {
  const log = await RecordLog.open(path, 1e6);
  const all: (readonly [number, string])[] = [];
  for (;;) {
    const records = await log.take();
    if (records.length === 0) return all;
    for (const { number, payload } of records)
      all.push([number, new TextDecoder().decode(payload)]);
  }
}

test("a log that was cut at any byte holds the records before the cut and nothing else", async (t) => {
  const path = folder(t);
  const log = await RecordLog.open(path, 1e6);
  const written: [number, string][] = [];
  for (const text of ["one", "", "three ".repeat(4), "4"]) {
    written.push([log.append(1, bytes(text), false), text]);
  }
  await log.flush();
  const [name = assert.fail()] = readdirSync(path);
  const size = statSync(join(path, name)).size;
  const ends = written.map((_, i) =>
    written.slice(0, i + 1).reduce((sum, [, text]) => sum + 17 + text.length, 0),
  );
  assert.equal(ends.at(-1), size);
  for (let cut = 0; cut <= size; cut += 1) {
    const copy = folder(t);
    cpSync(path, copy, { recursive: true });
    truncateSync(join(copy, name), cut);
    const whole = ends.filter((end) => end <= cut).length;
    assert.deepEqual(await contents(copy), written.slice(0, whole), `cut at ${cut}`);
    if (cut % 9 > 0) continue;
    const next = await RecordLog.open(copy, 1e6);
    const number = next.append(1, bytes("after"), false);
    await next.flush();
    assert.deepEqual(await contents(copy), [...written.slice(0, whole), [number, "after"]]);
    assert.ok(whole === 0 || number > (written[whole - 1]?.[0] ?? 0));
  }
});

test("damaged bytes are never taken for records", () => {
  const shape = {
    number: fc.integer({ min: 1, max: 2 ** 40 }),
    tag: fc.integer({ min: 0, max: 255 }),
    payload: fc.uint8Array({ maxLength: 60 }),
  };
  const record = fc.record(shape, { noNullPrototype: true });
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.nat(7),
      (records, at, bit) => {
        const whole = Buffer.concat(records.map(encodeRecord));
        const intact = decodeRecords(whole).records.map(({ number, tag, payload }) => {
          return { number, tag, payload: Uint8Array.from(payload) };
        });
        assert.deepEqual(intact, records);
        const index = at % whole.length;
        whole.writeUInt8(whole.readUInt8(index) ^ (1 << bit), index);
        const read = decodeRecords(whole);
        assert.ok(read.records.length < records.length && read.isTorn);
        assert.deepEqual(
          read.records.map(({ number, tag }) => [number, tag]),
          records.slice(0, read.records.length).map(({ number, tag }) => [number, tag]),
        );
      },
    ),
  );
  assert.deepEqual(decodeRecords(Buffer.alloc(4096)), { records: [], isTorn: true });
});

test("whatever is appended, acknowledged, thinned and reopened: nothing is lost, changed or doubled", async (t) => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("append" as const), size: fc.nat(80) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("acknowledge" as const), which: fc.nat() }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("thin" as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const path = folder(t);
      let log = await RecordLog.open(path, 300);
      const model = new Map<number, string>();
      let thinned = 0;
      for (const one of steps) {
        if (one.do === "append") {
          const text = `${model.size}:${"x".repeat(one.size)}`;
          model.set(log.append(1, bytes(text), false), text);
        } else if (one.do === "acknowledge" && model.size > 0) {
          const number = [...model.keys()][one.which % model.size] ?? 0;
          log.acknowledge(number);
          model.delete(number);
        } else if (one.do === "flush") await log.flush();
        else if (one.do === "reopen") {
          await log.flush();
          log = await RecordLog.open(path, 300);
        } else if (one.do === "thin") thinned += (await log.makeRoom(true)) ?? 0;
        if (thinned > 0) break;
        assert.equal(log.length, model.size);
      }
      await log.flush();
      const found = await contents(path);
      assert.equal(new Set(found.map(([number]) => number)).size, found.length, "doubled");
      for (const [number, text] of found) assert.equal(text, model.get(number), "changed");
      assert.equal(found.length, model.size - thinned, "lost");
      rmSync(path, { recursive: true });
    }),
    { numRuns: 150 },
  );
});

test("acknowledged records free their files, and a thinning that was cut short counts once", async (t) => {
  const path = folder(t);
  const log = await RecordLog.open(path, 400);
  const numbers = Array.from({ length: 50 }, (_, i) => log.append(1, bytes(`record ${i}`), false));
  await log.flush();
  assert.ok(readdirSync(path).length > 3);
  const copy = folder(t);
  cpSync(path, copy, { recursive: true });
  const [oldest = assert.fail()] = readdirSync(copy).sort();
  const other = await RecordLog.open(copy, 400);
  const before = (await contents(copy)).length;
  const dropped = (await other.makeRoom(true)) ?? assert.fail();
  assert.ok(dropped > 0);
  cpSync(join(path, oldest), join(copy, oldest));
  assert.equal((await contents(copy)).length, before - dropped, "the thinned file stands");
  assert.ok(!readdirSync(copy).includes(oldest));

  for (const number of numbers) log.acknowledge(number);
  await log.flush();
  log.release();
  await log.flush();
  assert.deepEqual(await contents(path), []);
  assert.ok(readdirSync(path).every((name) => readFileSync(join(path, name)).length < 2000));
});

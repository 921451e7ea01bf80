import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import * as fc from "fast-check";

import {
  createTripleBufferMemory,
  TripleBufferReader,
  TripleBufferWriter,
} from "./triple-buffer.ts";

test("a reader sees the newest block that was published, and keeps it while the writer goes on", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean()), (isWrites) => {
      const memory = createTripleBufferMemory(2);
      const writer = new TripleBufferWriter(memory);
      const reader = new TripleBufferReader(memory);
      let written = 0;
      let block = reader.read();
      let read = 0;
      for (const isWrite of isWrites) {
        if (isWrite) {
          written += 1;
          writer.block.fill(written);
          writer.publish();
        } else {
          block = reader.read();
          read = written;
        }
        assert.deepEqual([...block], [read, read]);
      }
    }),
  );
});

test("blocks that another thread overwrites as fast as it can are whole and never go back", async () => {
  const memory = createTripleBufferMemory(256);
  const isOver = new Int32Array(new SharedArrayBuffer(4));
  const source = `
    import { workerData } from "node:worker_threads";
    const { TripleBufferWriter } = await import(workerData.module);
    const writer = new TripleBufferWriter(workerData.memory);
    for (let number = 1; Atomics.load(workerData.isOver, 0) === 0; number += 1) {
      writer.block.fill(number);
      writer.publish();
    }`;
  const module = new URL("./triple-buffer.js", import.meta.url).href;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const worker = new Worker(url, { execArgv: [], workerData: { module, memory, isOver } });
  const ended = once(worker, "exit");
  const reader = new TripleBufferReader(memory);
  while (reader.read()[0] === 0) await sleep(1);
  let last = 0;
  for (let seen = 0; seen < 200;) {
    const block = reader.read();
    const number = block[0] ?? Number.NaN;
    assert.ok(number >= last, `${number} after ${last}`);
    assert.equal(
      block.findIndex((value) => value !== number),
      -1,
      `block ${number} is torn`,
    );
    if (number > last) seen += 1;
    last = number;
  }
  Atomics.store(isOver, 0, 1);
  assert.deepEqual(await ended, [0]);
});

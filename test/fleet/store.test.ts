import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import type { EventBody, HistoryBody } from "../../firmware-bridge/src/fleet/index.ts";
import { DiskOutbox } from "../../firmware-bridge/src/fleet/store/disk-outbox.ts";
import type { OutboxEntry } from "../../firmware-bridge/src/fleet/store/outbox.ts";
import { metrics, startBroker, startRobot, startWatch, until } from "./fleet-fixture.ts";
import { crashStore } from "./store-crash.ts";

const options = { timeout: 60_000 };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "omp-store-"));
  t.after(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

function bytesBelow(path: string): number {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  return files.reduce((sum, one) => sum + statSync(join(one.parentPath, one.name)).size, 0);
}

function entry(text: string, isDetail = false): OutboxEntry {
  return { kind: isDetail ? "history" : "event", isDetail, text };
}

/** Takes and acknowledges until nothing is left. */
async function drain(outbox: DiskOutbox): Promise<string[]> {
  const found: string[] = [];
  let nowMs = 0;
  while (outbox.length > 0) {
    nowMs += 20_000;
    for (const one of outbox.take(nowMs)) {
      found.push(one.text);
      outbox.acknowledge(one, nowMs);
    }
    await new Promise(setImmediate);
  }
  return found;
}

test(
  "a process killed at random moments loses nothing that was durable, doubles and invents nothing",
  options,
  async () => {
    const outcome = await crashStore(12, Math.random);
    assert.ok(outcome.durable > 12);
    assert.deepEqual([outcome.lost, outcome.doubled, outcome.garbage], [0, 0, 0]);
  },
);

test(
  "a full store thins the oldest detail first, keeps its bound, and loses events last",
  options,
  async (t) => {
    const path = folder(t);
    const maxBytes = 2 ** 20;
    const outbox = await DiskOutbox.open({ folder: path, maxBytes });
    const padding = "x".repeat(400);
    const details = 9000;
    for (let i = 0; i < details; i += 1) {
      outbox.push(entry(`detail ${i} ${padding}`, true), false);
      if (i % 10 === 0) outbox.push(entry(`event ${i / 10} ${padding}`), false);
      if (i % 50 === 0) await outbox.flush();
      assert.ok(outbox.storedBytes <= maxBytes);
    }
    await outbox.close();
    assert.ok(bytesBelow(path) <= 1.1 * maxBytes, `${bytesBelow(path)}`);
    const reopened = await DiskOutbox.open({ folder: path, maxBytes });
    const found = await drain(reopened);
    const events = found.filter((one) => one.startsWith("event"));
    const kept = found
      .filter((one) => one.startsWith("detail"))
      .map((one) => Number(one.split(" ")[1]));
    assert.equal(events.length, details / 10, "no event was lost while there was detail");
    assert.equal(kept.length + outbox.dropped, details);
    const half = (from: number, to: number): number =>
      kept.filter((i) => i >= from && i < to).length;
    assert.ok(half(details / 2, details) > half(0, details / 2), "the newer half is denser");
  },
);

test("when events alone fill the store the oldest go, and are counted", options, async (t) => {
  const outbox = await DiskOutbox.open({ folder: folder(t), maxBytes: 2 ** 20 });
  const count = 4000;
  for (let i = 0; i < count; i += 1) {
    outbox.push(entry(`${i} ${"x".repeat(500)}`), false);
    if (i % 50 === 0) await outbox.flush();
  }
  await outbox.flush();
  const found = (await drain(outbox)).map((one) => Number(one.split(" ")[0]));
  assert.equal(found.length + outbox.dropped, count);
  assert.equal(found.at(-1), count - 1);
});

test("what is new does not wait behind what is old", options, async (t) => {
  const outbox = await DiskOutbox.open({ folder: folder(t) });
  for (let i = 0; i < 1000; i += 1) outbox.push(entry(`old ${i}`), false);
  outbox.connectionLost();
  const first = outbox.take(0);
  await until(() => outbox.take(0).length > 0 || first.length > 0);
  outbox.push(entry("new"), true);
  assert.equal(outbox.take(0)[0]?.text, "new");
});

test(
  "a robot that was killed while its broker was away tells every event once in the end",
  options,
  async (t) => {
    const store = { folder: folder(t) };
    const first = await startBroker(t);
    const robot = await startRobot(t, first.url, { store });
    await until(() => robot.acknowledged >= 3);
    await first.stop();
    await until(() => !robot.isConnected);
    for (let i = 0; i < 300; i += 1) robot.event("offline", { i });
    robot.state("running", [0.25, 0.125]);
    robot.metrics(metrics);
    await robot.flush();
    await until(() => robot.counters.statesDropped > 0 && robot.counters.metricsDropped > 0);
    await robot.flush();
    // The process ends without a goodbye: nothing of it is told but what is on the disk.
    await robot.close(0);

    const second = await startRobot(t, first.url, { store });
    assert.ok(!second.isConnected, "a store makes it start without a broker");
    second.event("restarted", {});
    const broker = await startBroker(t, { port: first.port });
    const watch = await startWatch(t, broker.url);
    const events: EventBody[] = [];
    const history: HistoryBody[] = [];
    watch.onMessage((message) => {
      if (message.kind === "event") events.push(message.body);
      if (message.kind === "history") history.push(message.body);
    });
    await until(() => second.isConnected && events.length >= 301 && history.length >= 2);
    await until(() => second.pendingRecords === 0);
    const ids = new Set(events.map(({ sessionId, sequence }) => `${sessionId} ${sequence}`));
    assert.equal(ids.size, 301);
    const numbers = events
      .filter(({ name }) => name === "offline")
      .map(({ fields }) => fields["i"]);
    assert.deepEqual(
      [...new Set(numbers)].sort((a, b) => Number(a) - Number(b)),
      [...Array(300).keys()],
    );
    assert.ok(history.some(({ state }) => state?.jointPosition[1] === 0.125));
    assert.ok(history.some((one) => one.metrics?.episodes === metrics.episodes));
    assert.equal(watch.counters.malformed, 0);
  },
);

import assert from "node:assert/strict";
import { test } from "node:test";

import { connectAsync } from "mqtt";

import {
  encodeBody,
  FleetTable,
  parseFleetMessage,
} from "../../firmware-bridge/src/fleet/index.ts";
import {
  birth,
  commandNonce,
  metrics,
  vitals,
  startBroker,
  startRobot,
  startWatch,
  until,
  Wire,
} from "./fleet-fixture.ts";

const options = { timeout: 30_000 };

const stamp = { sessionId: "a", birthSequence: 1, utcMs: 1_700_000_000_000, monotonicMs: 5 };
const heartbeat = { ...stamp, sequence: 1, loopAgeMs: Number.NaN, dropped: 0 };

test("malformed messages are counted and change nothing", options, async (t) => {
  const broker = await startBroker(t);
  const watch = await startWatch(t, broker.url);
  const robot = await startRobot(t, broker.url);
  robot.metrics(metrics);
  await until(() => watch.robot("arm-7")?.metrics !== undefined);
  const before = watch.robot("arm-7")?.metrics;
  const details: string[] = [];
  watch.onMessage((message) => {
    if (message.kind === "malformed") details.push(message.detail);
  });

  const stranger = await connectAsync(broker.url);
  t.after(() => stranger.endAsync(true));
  const whole: object = JSON.parse(encodeBody("metrics", { ...stamp, ...metrics, ...vitals }));
  const payloads = [
    "{",
    "[]",
    Buffer.from([0xff, 0xfe]),
    JSON.stringify({ ...whole, successes: -1 }),
    JSON.stringify({ ...whole, successes: undefined }),
    JSON.stringify({ ...whole, inference_p50_ms: "fast" }),
    JSON.stringify({ ...whole, padding: "x".repeat(40_000) }),
  ];
  for (const payload of payloads) {
    await stranger.publishAsync("omp/v1/arm-7/metrics", payload, { qos: 1 });
  }
  await until(() => watch.counters.malformed === payloads.length);
  assert.match(details[3] ?? "", /payload\.successes is not allowed\. Observed: -1\. Expected/);
  assert.match(details[4] ?? "", /payload\.successes is missing/);
  assert.match(details[6] ?? "", /too long/);
  assert.deepEqual(watch.robot("arm-7")?.metrics, before);

  await stranger.publishAsync("omp/v1/arm-7/link/up", Buffer.alloc(8));
  await stranger.publishAsync("omp/v1/arm-7/heartbeat", encodeBody("heartbeat", heartbeat), {
    qos: 1,
    retain: true,
  });
  const late = await startWatch(t, broker.url);
  await until(() => late.counters.ignored >= 1);
  assert.equal(late.counters.malformed, 0, "the link's frames are not the watcher's");
});

test("a robot that hangs grows stale before the broker gives it up", options, async (t) => {
  const broker = await startBroker(t);
  const wire = await Wire.start(t, broker.port);
  const watch = await startWatch(t, broker.url, { staleAfterMs: 1500 });
  await startRobot(t, wire.url);
  await until(() => watch.robot("arm-7")?.heartbeat !== undefined);
  assert.equal(watch.robot("arm-7")?.status, "online");
  wire.stall();
  await until(() => watch.robot("arm-7")?.status === "stale");
});

test("a late last will of an earlier connection does not kill the new one", () => {
  const table = new FleetTable({ staleAfterMs: 1000 });
  const robotId = "arm-7";
  const offline = { online: false, reason: "connection_lost" } as const;
  table.accept({ kind: "birth", robotId, body: { ...stamp, commandNonce, ...birth } }, 0);
  table.accept(
    { kind: "birth", robotId, body: { ...stamp, birthSequence: 2, commandNonce, ...birth } },
    10,
  );
  table.accept({ kind: "status", robotId, body: { ...offline, ...stamp } }, 20);
  assert.equal(table.robot(robotId, 20)?.status, "online");
  assert.equal(table.accept({ kind: "heartbeat", robotId, body: heartbeat }, 30), false);
  assert.equal(table.robot(robotId, 1100)?.status, "stale");
  table.accept({ kind: "status", robotId, body: { ...offline, ...stamp, birthSequence: 2 } }, 1200);
  assert.equal(table.robot(robotId, 1200)?.status, "offline");
});

test("a repeated event counts once and a flood of names is bounded", () => {
  const table = new FleetTable({ maxRobots: 2 });
  const event = { ...stamp, sequence: 1, name: "fault", fields: {} };
  assert.equal(table.accept({ kind: "event", robotId: "a", body: event }, 0), true);
  assert.equal(table.accept({ kind: "event", robotId: "a", body: event }, 1), false);
  assert.equal(table.robot("a", 1)?.events.length, 1);
  for (let i = 0; i < 100; i += 1) {
    table.accept({ kind: "heartbeat", robotId: `robot-${i}`, body: heartbeat }, 2);
  }
  assert.equal(table.robots(2).length, 2);
});

test("keys that this version does not know are ignored", () => {
  const payload = Buffer.from(
    JSON.stringify({ ...JSON.parse(encodeBody("heartbeat", heartbeat)), battery_ratio: 0.5 }),
  );
  const message = parseFleetMessage("omp/v1/arm-7/heartbeat", payload);
  assert.deepEqual(message, { kind: "heartbeat", robotId: "arm-7", body: heartbeat });
});

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { MqttLink, linkTopics, openMqttTransport } from "../../firmware-bridge/src/mqtt.ts";
import type { Transport } from "../../firmware-bridge/src/transport/transport.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { EmbeddedBroker } from "../support/embedded-broker.ts";

const clock = new MonotonicClock();
const robotId = "arm-7";
let broker: EmbeddedBroker;

beforeEach(async () => {
  broker = await EmbeddedBroker.start();
});
afterEach(async () => {
  await broker.close();
});

function openEnd(end: "host" | "controller", maxAgeMs = 100): Promise<Transport> {
  return openMqttTransport({ clock, broker: { url: broker.url }, robotId, end, maxAgeMs });
}

async function until(isTrue: () => boolean): Promise<void> {
  const limitMs = clock.nowMs() + 10_000;
  while (!isTrue()) {
    assert.ok(clock.nowMs() < limitMs, "in ten seconds");
    await sleep(2);
  }
}

function send(transport: Transport, ...bytes: number[]): boolean {
  return transport.write(Uint8Array.from(bytes), 0, bytes.length);
}

test("the two ends hear each other, unretained and at QoS 0", async () => {
  const qualities: string[] = [];
  broker.aedes.on("publish", ({ topic, qos, retain }, client) => {
    if (client !== null) qualities.push(`${topic} ${qos} ${retain}`);
  });
  const host = await openEnd("host");
  const controller = await openEnd("controller");
  const heard: string[] = [];
  host.onData((bytes) => heard.push(`host ${bytes.join()}`));
  controller.onData((bytes) => heard.push(`controller ${bytes.join()}`));
  send(host, 1, 2);
  send(controller, 3);
  await until(() => heard.length === 2);
  assert.deepEqual(heard.sort(), ["controller 1,2", "host 3"]);
  assert.deepEqual(qualities.sort(), [
    `${linkTopics(robotId).down} 0 false`,
    `${linkTopics(robotId).up} 0 false`,
  ]);
  await host.close();
  await controller.close();
});

test("no broker is a clear error", async () => {
  const { url } = broker;
  await broker.close();
  const link = new MqttLink({ clock, broker: { url }, robotId });
  await assert.rejects(link.connect(), (error: Error) => {
    assert.match(
      error.message,
      /LINK_OPEN_FAILED.*broker.*ECONNREFUSED.*Check that the broker runs/s,
    );
    return true;
  });
  assert.equal(link.state, "closed");
  broker = await EmbeddedBroker.start();
});

test("a broker without a controller behind it fails the handshake", async () => {
  const link = new MqttLink({
    clock,
    broker: { url: broker.url },
    robotId,
    handshakeTimeoutMs: 300,
  });
  await assert.rejects(link.connect(), { code: "LINK_HANDSHAKE_FAILED" });
  assert.equal(link.state, "closed");
});

test("a robot id cannot reach other topics", async () => {
  for (const id of ["", "#", "+", "a/b", "a".repeat(65), ".."]) {
    assert.throws(() => linkTopics(id), { code: "INVALID_ARGUMENT" });
  }
});

test("a lost broker closes the transport, and nothing written is delivered after it", async () => {
  const host = await openEnd("host");
  const reasons: string[] = [];
  host.onClose((reason) => reasons.push(reason));
  broker.dropClients();
  await until(() => reasons.length > 0);
  assert.equal(host.isOpen, false);
  assert.match(reasons.join(), /connection to the broker .* was lost/);
  assert.equal(send(host, 1), false);

  const controller = await openEnd("controller");
  const heard: number[] = [];
  controller.onData((bytes) => heard.push(...bytes));
  const again = await openEnd("host");
  send(again, 2);
  await until(() => heard.length > 0);
  await sleep(50);
  assert.deepEqual(heard, [2]);
  await again.close();
  await controller.close();
});

test("what a stalled broker delivers late is dropped, what comes after is not", async () => {
  const host = await openEnd("host");
  const controller = await openEnd("controller", 150);
  const heard: number[] = [];
  controller.onData((bytes) => heard.push(...bytes));
  send(host, 1);
  await until(() => heard.length === 1);
  broker.stall();
  send(host, 2);
  await sleep(400);
  broker.resume();
  await sleep(50);
  send(host, 3);
  await until(() => heard.includes(3));
  assert.deepEqual(heard, [1, 3]);
  await host.close();
  await controller.close();
});

test("retained messages and messages without a header are ignored", async () => {
  const topic = linkTopics(robotId).down;
  const publish = (payload: Buffer, retain: boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const packet = { cmd: "publish", topic, payload, qos: 0, retain, dup: false } as const;
      broker.aedes.publish(packet, (error) => {
        if (error instanceof Error) reject(error);
        else resolve();
      });
    });
  await publish(Buffer.alloc(12, 1), true);
  const controller = await openEnd("controller");
  const heard: number[] = [];
  controller.onData((bytes) => heard.push(...bytes));
  await publish(Buffer.alloc(3, 2), false);
  const host = await openEnd("host");
  send(host, 5);
  await until(() => heard.length > 0);
  assert.deepEqual(heard, [5]);
  await host.close();
  await controller.close();
});

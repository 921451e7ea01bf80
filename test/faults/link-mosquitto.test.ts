import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync, type IPublishPacket } from "mqtt";

import {
  linkTopics,
  MqttGateway,
  MqttLink,
  openMqttTransport,
} from "../../firmware-bridge/src/mqtt.ts";
import { FirmwareCore } from "../../firmware-bridge/src/transport/firmware-core.ts";
import { openWasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { Mosquitto, mosquittoMissing } from "../support/mosquitto.ts";

const clock = new MonotonicClock();
const robotId = "arm-7";
const stranger = "arm-8";

/** A user of the broker under test. */
function brokerOf(mosquitto: Mosquitto, user: string) {
  return { url: mosquitto.url, username: user, password: user };
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  const limitMs = clock.nowMs() + 15_000;
  while (!isTrue()) {
    assert.ok(clock.nowMs() < limitMs, what);
    await sleep(5);
  }
}

describe("a robot behind Mosquitto", { skip: mosquittoMissing }, () => {
  let mosquitto: Mosquitto;
  let gateway: MqttGateway;
  let drive: NodeJS.Timeout;

  beforeEach(async () => {
    mosquitto = await Mosquitto.start([robotId, stranger]);
    const core = await FirmwareCore.load();
    const startMs = clock.nowMs();
    let ticks = 0;
    drive = setInterval(() => {
      for (; ticks < clock.nowMs() - startMs; ticks += 1) core.tick();
    }, 2);
    gateway = new MqttGateway({
      clock,
      broker: brokerOf(mosquitto, robotId),
      robotId,
      maxAgeMs: 1000,
      openTransport: openWasmTransport(core),
      retryMs: 20,
    });
    await gateway.start();
  });
  afterEach(async () => {
    await gateway.stop();
    clearInterval(drive);
    await mosquitto.close();
  });

  test("a broker that dies stops the arm, and only an explicit rearm moves it again", async () => {
    const broker = brokerOf(mosquitto, robotId);
    const link = new MqttLink({ clock, broker, robotId, maxAgeMs: 1000 });
    await link.connect();
    await link.arm(500);
    await mosquitto.kill();
    await until(() => link.state === "closed", "the link notices");
    await mosquitto.run();
    await until(() => gateway.isConnected, "the gateway comes back");
    assert.equal(link.state, "closed", "the link does not");
    await sleep(600);
    await link.connect();
    await until(() => link.state === "faulted", "the lease has run out meanwhile");
    await assert.rejects(link.arm(500), { code: "INVALID_STATE" });
    await link.clearFault();
    await link.arm(500);
    assert.equal(link.state, "armed");
    await link.close();
  });

  test("a robot's credentials do not reach another robot", async () => {
    const broker = brokerOf(mosquitto, stranger);
    const link = new MqttLink({ clock, broker, robotId, handshakeTimeoutMs: 600 });
    await assert.rejects(link.connect());
    assert.equal(link.state, "closed");
    const wrong = { ...brokerOf(mosquitto, robotId), password: "guessed" };
    const guess = new MqttLink({ clock, broker: wrong, robotId });
    await assert.rejects(guess.connect(), { code: "LINK_OPEN_FAILED" });
  });

  test("what a link sends expires in the broker, and what is retained is refused", async () => {
    const broker = brokerOf(mosquitto, robotId);
    const { down } = linkTopics(robotId);
    const tap = await connectAsync(broker.url, { ...broker, protocolVersion: 5 });
    const packets: IPublishPacket[] = [];
    tap.on("message", (_topic, _payload, packet) => packets.push(packet));
    await tap.subscribeAsync(down, { qos: 0, rap: true });
    const host = await openMqttTransport({ clock, broker, robotId, end: "host" });
    host.write(Uint8Array.of(1, 2), 0, 2);
    await until(() => packets.length > 0, "the message");
    const [sent] = packets;
    assert.equal(sent?.qos, 0);
    assert.equal(sent.retain, false);
    assert.equal(sent.properties?.messageExpiryInterval, 1);

    const controller = await openMqttTransport({ clock, broker, robotId, end: "controller" });
    const heard: number[] = [];
    controller.onData((bytes) => heard.push(...bytes));
    await tap.publishAsync(down, Buffer.alloc(12, 9), { qos: 0, retain: true });
    const late = await openMqttTransport({ clock, broker, robotId, end: "controller" });
    late.onData((bytes) => heard.push(...bytes));
    await until(() => packets.length > 1, "the retained message passes the broker");
    host.write(Uint8Array.of(3), 0, 1);
    await until(() => heard.length >= 2, "both ends hear what is not retained");
    assert.deepEqual(heard, [3, 3]);
    await Promise.all([tap.endAsync(true), host.close(), controller.close(), late.close()]);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  AckCode,
  ControllerFault,
  EventCode,
  Feature,
  MessageType,
  noJoint,
} from "../../firmware-bridge/src/protocol/constants.ts";
import { frameVectors } from "./vectors.ts";
import { WasmController } from "./wasm-controller.ts";

const retryTicks = 100;
const depth = 8;
const leaseMs = 1000;

/** Every event, one a tick, in the order of their ids. */
function drain(controller: WasmController): string[] {
  const found: string[] = [];
  for (;;) {
    controller.tick();
    const [event] = controller.takeEvents();
    if (event === undefined) return found;
    found.push(`${event.eventId} ${event.code} ${event.detail} ${event.value} lost ${event.lost}`);
    controller.acknowledge(event.eventId);
  }
}

test("a host that did not ask for events gets none", async () => {
  const controller = await WasmController.create();
  controller.tick();
  controller.hello(frameVectors.session_id);
  controller.pressEmergencyStop();
  controller.takeFrames();
  controller.tick(3 * retryTicks);
  assert.deepEqual(controller.takeFrames(), []);
});

test("an event comes every 100 ticks until it is acknowledged", async () => {
  const controller = await WasmController.create();
  controller.tick();
  controller.hello(frameVectors.session_id, Feature.Events);
  controller.takeFrames();
  const ticks: number[] = [];
  for (let tick = 1; tick <= 250; tick++) {
    controller.tick();
    if (controller.takeEvents().length > 0) ticks.push(tick);
  }
  assert.deepEqual(ticks, [1, 1 + retryTicks, 1 + 2 * retryTicks]);
  controller.acknowledge(1);
  controller.tick(2 * retryTicks);
  assert.deepEqual(controller.takeEvents(), []);
});

test("the oldest events are kept and the others counted", async () => {
  const controller = await WasmController.create();
  controller.tick();
  controller.hello(frameVectors.session_id, Feature.Events);
  for (let nonce = 1; nonce <= 7; nonce++) {
    controller.pressEmergencyStop();
    assert.equal(controller.clearFault(ControllerFault.Estop, nonce).code, AckCode.Ok);
  }
  const expected = [`1 ${EventCode.Reset} 0 1 lost 7`];
  for (let id = 2; id <= depth; id++) {
    const isFault = id % 2 === 0;
    const code = isFault ? EventCode.Fault : EventCode.FaultCleared;
    const value = isFault ? 0 : (id - 1) / 2;
    expected.push(`${id} ${code} ${ControllerFault.Estop} ${value} lost 7`);
  }
  assert.deepEqual(drain(controller), expected);
  controller.pressEmergencyStop();
  assert.deepEqual(drain(controller), [`9 ${EventCode.Fault} ${ControllerFault.Estop} 0 lost 7`]);
});

test("what nobody acknowledged is told to the next host", async () => {
  const controller = await WasmController.create();
  controller.tick();
  controller.hello(frameVectors.session_id, Feature.Events);
  controller.tick(10);
  controller.takeFrames();
  controller.hello(0x01020304, Feature.Events);
  controller.tick();
  assert.deepEqual(
    controller.takeEvents().map(({ eventId, code }) => [eventId, code]),
    [[1, EventCode.Reset]],
  );
});

test("a refused chunk names its first joint and what it asked of it", async () => {
  const controller = await WasmController.enabled(leaseMs);
  controller.hello(0x01020304, Feature.Events);
  drain(controller);
  assert.equal(controller.enable().code, AckCode.Ok);
  const part = { chunkId: 1, partIndex: 0, partCount: 1, t0: controller.now + 100, dt: 20 };
  const asked: readonly (readonly number[])[] = [
    [0, 0, 0, 0, 0, -175_001],
    [0, 60_001, 0, 0, 0, 0],
    [0, 0, -60_020, 0, 0, 0],
  ];
  for (const row of asked) {
    assert.equal(controller.traj({ ...part, rows: [row] }).code, AckCode.Limit);
  }
  const events: number[][] = [];
  for (let i = 0; i < asked.length; i++) {
    controller.tick();
    const [event] = controller.takeEvents();
    assert.equal(event?.code, EventCode.Limit);
    events.push([event?.joint ?? noJoint, event?.detail ?? 9, event?.value ?? 0]);
    controller.acknowledge(event?.eventId ?? 0);
  }
  assert.deepEqual(events, [
    [5, 0, -175_001],
    [1, 1, 3_000_050],
    [2, 1, -3_001_000],
  ]);
});

test("a ring that runs out in motion is told, one that ends at rest is not", async () => {
  const controller = await WasmController.enabled(leaseMs);
  controller.hello(0x01020304, Feature.Events);
  drain(controller);
  assert.equal(controller.enable().code, AckCode.Ok);
  const row = [20_000, 0, 0, 0, 0, 0];
  const part = { partIndex: 0, partCount: 1, dt: 20 };
  const chunk = { ...part, chunkId: 5, t0: controller.now + 30 };
  assert.equal(controller.traj({ ...chunk, rows: [row, row] }).code, AckCode.Ok);
  controller.tick(60);
  assert.deepEqual(controller.takeEvents(), []);
  const last = { ...part, chunkId: 6, t0: controller.now + 30 };
  assert.equal(controller.traj({ ...last, rows: [[0, 0, 0, 0, 0, 0]] }).code, AckCode.Ok);
  controller.tick(30);
  const told = controller.takeEvents().map(({ code, tick, value }) => [code, tick, value]);
  assert.deepEqual(told, [[EventCode.RanOut, controller.now, 6]]);
});

test("a lease that ran out is a fault with its length", async () => {
  const controller = await WasmController.enabled(50);
  controller.hello(0x01020304, Feature.Events);
  drain(controller);
  assert.equal(controller.enable({ leaseMs: 50 }).code, AckCode.Ok);
  controller.takeFrames();
  controller.tick(50);
  const told = controller.takeEvents().map(({ code, detail, value }) => [code, detail, value]);
  assert.deepEqual(told, [[EventCode.Fault, ControllerFault.Lease, 50]]);
  assert.ok(controller.mode > 0);
  assert.equal(controller.request(MessageType.Disable).code, AckCode.Mode);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  AckCode,
  ControllerFault,
  ControllerMode,
  FailActionCode,
  ParamCode,
  StateFlag,
  noJoint,
} from "../../firmware-bridge/src/protocol/constants.ts";
import { frameVectors } from "./vectors.ts";
import { WasmController } from "./wasm-controller.ts";

const { Hold, Damp, Release } = FailActionCode;
const driven = [Hold, Hold, Hold, Hold, Hold, Hold];
const actions = [Hold, Damp, Release, Hold, Hold, Release];

async function configured(): Promise<{ controller: WasmController; limitsCrc: number }> {
  const controller = await WasmController.create();
  controller.tick();
  controller.hello(frameVectors.session_id);
  for (const [joint, action] of actions.entries()) {
    assert.equal(controller.setParam(ParamCode.FailAction, joint, action).code, AckCode.Ok);
  }
  const { limitsCrc } = controller.getParam(ParamCode.FailAction, 0);
  assert.equal(controller.enable({ limitsCrc }).code, AckCode.Ok);
  return { controller, limitsCrc };
}

test("a fault gives every joint its action, ENABLE takes all of them back where they are", async () => {
  const { controller, limitsCrc } = await configured();
  assert.deepEqual(controller.drive, driven);
  controller.pressEmergencyStop();
  assert.deepEqual(controller.drive, actions);
  const { flags, fault, faultNonce } = controller.nextState();
  assert.equal(flags >> StateFlag.UndrivenShift, 0b100110);
  assert.equal(controller.clearFault(fault, faultNonce).code, AckCode.Ok);
  assert.equal(controller.mode, ControllerMode.Idle);
  assert.deepEqual(controller.drive, actions, "what was let go is not grabbed again in IDLE");
  const sagged = [0, -70_000, 80_000, 0, 0, 5];
  controller.measured = sagged;
  controller.tick(200);
  assert.equal(controller.enable({ limitsCrc }).code, AckCode.Ok);
  assert.deepEqual(controller.command, sagged, "no jump");
  assert.deepEqual(controller.drive, driven);
  assert.equal(controller.nextState().flags >> StateFlag.UndrivenShift, 0);
});

test("a joint that holds in a fault brakes while another is released", async () => {
  const { controller } = await configured();
  const rows = Array.from({ length: 9 }, (_, i) => [
    10_000 * (i + 1),
    0,
    10_000 * (i + 1),
    0,
    0,
    0,
  ]);
  const part = { chunkId: 1, partIndex: 0, partCount: 1, t0: controller.now + 30, dt: 20 };
  assert.equal(controller.traj({ ...part, rows }).code, AckCode.Ok);
  controller.tick(60);
  const before = controller.command;
  controller.pressEmergencyStop();
  controller.tick();
  const step = (controller.command[0] ?? 0) - (before[0] ?? 0);
  assert.ok(step > 400 && step < 500, `braked from 500 counts a tick: ${step}`);
  assert.equal(controller.drive[0], Hold);
  assert.equal(controller.drive[2], Release);
});

test("HOLD, DISABLE, a new session and the end of the ring drive every joint", async () => {
  const { controller, limitsCrc } = await configured();
  controller.hello(0x01020304);
  assert.deepEqual(controller.drive, driven);
  assert.equal(controller.enable({ limitsCrc }).code, AckCode.Ok);
  assert.equal(controller.disable().code, AckCode.Ok);
  controller.tick(100);
  assert.deepEqual(controller.drive, driven);
});

test("a ring that runs out in motion brakes into HOLD, or faults where that was asked for", async () => {
  for (const underrun of [0, 1]) {
    const controller = await WasmController.create();
    controller.tick();
    controller.hello(frameVectors.session_id);
    assert.equal(controller.setParam(ParamCode.Underrun, noJoint, underrun).code, AckCode.Ok);
    assert.equal(controller.enable().code, AckCode.Ok);
    const part = { chunkId: 9, partIndex: 0, partCount: 1, t0: controller.now + 20, dt: 20 };
    const rows = [[20_000, 0, 0, 0, 0, 0]];
    assert.equal(controller.traj({ ...part, rows }).code, AckCode.Ok);
    controller.tick(20);
    const isFault = underrun === 1;
    assert.equal(controller.mode, isFault ? ControllerMode.Fault : ControllerMode.Hold);
    assert.equal(controller.fault, isFault ? ControllerFault.Underrun : ControllerFault.None);
    controller.tick(100);
    assert.ok((controller.command[0] ?? 0) > 20_000, "it braked beyond the last waypoint");
  }
});

test("a ring that ends at rest is no underrun", async () => {
  const controller = await WasmController.create();
  controller.tick();
  controller.hello(frameVectors.session_id);
  assert.equal(controller.setParam(ParamCode.Underrun, noJoint, 1).code, AckCode.Ok);
  assert.equal(controller.enable().code, AckCode.Ok);
  const part = { chunkId: 9, partIndex: 0, partCount: 1, t0: controller.now + 20, dt: 20 };
  const row = [20_000, 0, 0, 0, 0, 0];
  assert.equal(controller.traj({ ...part, rows: [row, row] }).code, AckCode.Ok);
  controller.tick(100);
  assert.equal(controller.mode, ControllerMode.Hold);
});

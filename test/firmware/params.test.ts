import assert from "node:assert/strict";
import { test } from "node:test";

import {
  AckCode,
  ControllerFault,
  ControllerMode,
  FailActionCode,
  ParamCode,
  noJoint,
} from "../../firmware-bridge/src/protocol/constants.ts";
import { crc32 } from "../../firmware-bridge/src/protocol/crc32.ts";
import { frameVectors, fromHex, toHex } from "./vectors.ts";
import { WasmController } from "./wasm-controller.ts";

const block = fromHex(frameVectors.params_block);

/** `block` with one byte changed and, unless told otherwise, the CRC that belongs to it. */
function changed(at: number, value: number, hasCrc = true): Uint8Array {
  const bytes = block.slice();
  bytes[at] = value;
  const end = bytes.length - 4;
  if (hasCrc) new DataView(bytes.buffer).setUint32(end, crc32(bytes, 0, 0, end), true);
  return bytes;
}

async function booted(stored: Uint8Array): Promise<WasmController> {
  const controller = await WasmController.create();
  controller.boot(2, stored);
  controller.tick();
  controller.hello(frameVectors.session_id);
  controller.takeFrames();
  return controller;
}

test("a changed parameter is kept once, in the block of the golden vectors' layout", async () => {
  const controller = await WasmController.create();
  controller.tick();
  controller.hello(frameVectors.session_id);
  assert.equal(controller.takeStored().length, 0, "nothing has changed");
  assert.equal(controller.setParam(ParamCode.Underrun, noJoint, 0).code, AckCode.Ok);
  assert.equal(controller.takeStored().length, 0, "it was that already");
  assert.equal(controller.setParam(ParamCode.FailAction, 0, 2).code, AckCode.Ok);
  assert.equal(controller.setParam(ParamCode.FailAction, 0, 0).code, AckCode.Ok);
  assert.equal(toHex(controller.takeStored()), frameVectors.params_block);
  assert.equal(controller.takeStored().length, 0);
});

test("nothing is kept while the arm may move: writing stops some processors", async () => {
  const controller = await booted(block);
  assert.equal(controller.setParam(ParamCode.Underrun, noJoint, 1).code, AckCode.Ok);
  assert.equal(controller.enable().code, AckCode.Ok);
  assert.equal(controller.takeStored().length, 0);
  assert.equal(controller.disable().code, AckCode.Ok);
  assert.equal(controller.takeStored().length, block.length);
});

test("what was kept is in effect after a reset", async () => {
  const first = await booted(block);
  assert.equal(first.fault, ControllerFault.None);
  assert.equal(first.setParam(ParamCode.FailAction, 4, FailActionCode.Damp).code, AckCode.Ok);
  assert.equal(first.setParam(ParamCode.FollowingError, 4, 1234).code, AckCode.Ok);
  assert.equal(first.setParam(ParamCode.MaxEffort, 4, 5678).code, AckCode.Ok);
  assert.equal(first.setParam(ParamCode.MaxTemperature, 4, 90).code, AckCode.Ok);
  assert.equal(first.setParam(ParamCode.Underrun, noJoint, 1).code, AckCode.Ok);
  assert.equal(first.setParam(ParamCode.MinVoltage, noJoint, 11_000).code, AckCode.Ok);
  assert.equal(first.setParam(ParamCode.MaxVoltage, noJoint, 13_000).code, AckCode.Ok);
  const { paramsCrc, limitsCrc } = first.getParam(ParamCode.FailAction, 4);
  const second = await booted(first.takeStored());
  assert.equal(second.mode, ControllerMode.Idle);
  const read = [
    second.getParam(ParamCode.FailAction, 4).value,
    second.getParam(ParamCode.FollowingError, 4).value,
    second.getParam(ParamCode.MaxEffort, 4).value,
    second.getParam(ParamCode.MaxTemperature, 4).value,
    second.getParam(ParamCode.Underrun, noJoint).value,
    second.getParam(ParamCode.MinVoltage, noJoint).value,
    second.getParam(ParamCode.MaxVoltage, noJoint).value,
  ];
  assert.deepEqual(read, [FailActionCode.Damp, 1234, 5678, 90, 1, 11_000, 13_000]);
  const again = second.getParam(ParamCode.FailAction, 4);
  assert.deepEqual([again.paramsCrc, again.limitsCrc], [paramsCrc, limitsCrc]);
  assert.equal(second.enable().code, AckCode.Schema, "the table's limits are not in effect");
  assert.equal(second.enable({ limitsCrc }).code, AckCode.Ok);
});

const bad: Record<string, Uint8Array> = {
  "one bit": changed(9, 1, false),
  "the CRC": changed(block.length - 1, (block.at(-1) ?? 0) ^ 1, false),
  "a byte too few": block.subarray(1),
  "a byte too many": Uint8Array.from([...block, 0]),
  "no bytes": new Uint8Array(0),
  "erased flash": new Uint8Array(block.length).fill(0xff),
  "other joints": changed(0, (block[0] ?? 0) ^ 1),
  "another layout": changed(4, 2),
  "a value out of its range": changed(8, 3),
};

for (const [what, stored] of Object.entries(bad)) {
  test(`a kept block that is wrong in ${what} latches CONFIG and changes nothing`, async () => {
    const controller = await booted(stored);
    assert.equal(controller.mode, ControllerMode.Fault);
    assert.equal(controller.fault, ControllerFault.Config);
    assert.equal(controller.enable().code, AckCode.Mode);
    assert.equal(controller.takeStored().length, 0, "nobody has seen it yet");
    assert.equal(controller.clearFault(ControllerFault.Config, 1).code, AckCode.Ok);
    assert.equal(toHex(controller.takeStored()), frameVectors.params_block);
    assert.equal(controller.enable().code, AckCode.Ok, "the table's limits are in effect");
  });
}

test("PARAM_SET is refused in every mode but IDLE, and while the arm moves", async () => {
  const controller = await WasmController.enabled(1000);
  const set = (): number => controller.setParam(ParamCode.FailAction, 0, 2).code;
  assert.equal(set(), AckCode.Mode, "HOLD");
  const rows = [[20_000, 0, 0, 0, 0, 0]];
  const part = { chunkId: 1, partIndex: 0, partCount: 1, t0: controller.now + 30, dt: 20 };
  assert.equal(controller.traj({ ...part, rows }).code, AckCode.Ok);
  assert.equal(set(), AckCode.Mode, "RUN");
  controller.tick(25);
  assert.equal(controller.disable().code, AckCode.Ok);
  assert.equal(set(), AckCode.Mode, "IDLE, braking");
  controller.tick(100);
  controller.pressEmergencyStop();
  assert.equal(set(), AckCode.Mode, "FAULT");
  const { fault, faultNonce } = controller.nextState();
  assert.equal(controller.clearFault(fault, faultNonce).code, AckCode.Ok);
  assert.equal(set(), AckCode.Ok, "IDLE at rest");
});

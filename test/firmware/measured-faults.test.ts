import assert from "node:assert/strict";
import { test } from "node:test";

import {
  AckCode,
  ControllerFault,
  ControllerMode,
  EventCode,
  Feature,
  ParamCode,
  noJoint,
} from "../../firmware-bridge/src/protocol/constants.ts";
import { frameVectors } from "./vectors.ts";
import { WasmController, allJoints } from "./wasm-controller.ts";

/** PROTOCOL.md §7: ticks a condition is tolerated. */
const faultTicks = 100;
const joint = 3;

interface Condition {
  readonly name: string;
  readonly fault: number;
  /** The event's joint and value. */
  readonly joint: number;
  readonly value: number;
  readonly params?: readonly (readonly [param: number, joint: number, value: number])[];
  begin(controller: WasmController): void;
  end(controller: WasmController): void;
}

/** The joints where they are commanded to, but for one. */
function moveJoint(controller: WasmController, position: number): void {
  controller.measured = controller.command.map((command, j) => (j === joint ? position : command));
}

function follow(controller: WasmController): void {
  controller.measured = undefined;
}

const { max_position: top, min_position: bottom } = frameVectors.joints[joint] ?? {
  max_position: 0,
  min_position: 0,
};
const margin = Math.floor((top - bottom) / 32);

const conditions: readonly Condition[] = [
  {
    name: "a position beyond the range",
    fault: ControllerFault.Position,
    joint,
    value: top + margin + 1,
    begin: (controller) => moveJoint(controller, top + margin + 1),
    end: (controller) => moveJoint(controller, top + margin),
    params: [[ParamCode.FollowingError, joint, 0]],
  },
  {
    name: "a following error",
    fault: ControllerFault.FollowingError,
    joint,
    value: -1001,
    params: [[ParamCode.FollowingError, joint, 1000]],
    begin: (controller) => moveJoint(controller, 1001),
    end: (controller) => moveJoint(controller, 1000),
  },
  {
    name: "an effort",
    fault: ControllerFault.Effort,
    joint,
    value: -2001,
    params: [[ParamCode.MaxEffort, joint, 2000]],
    begin: (controller) => {
      controller.effort = [0, 0, 0, -2001];
    },
    end: (controller) => {
      controller.effort = [0, 0, 0, 2000];
    },
  },
  {
    name: "a temperature",
    fault: ControllerFault.Temperature,
    joint,
    value: 71,
    params: [[ParamCode.MaxTemperature, joint, 70]],
    begin: (controller) => controller.setTemperature(joint, 71),
    end: (controller) => controller.setTemperature(joint, 70),
  },
  {
    name: "a low supply",
    fault: ControllerFault.Voltage,
    joint: noJoint,
    value: 9999,
    params: [[ParamCode.MinVoltage, noJoint, 10_000]],
    begin: (controller) => controller.setVoltage(9999),
    end: (controller) => controller.setVoltage(10_000),
  },
  {
    name: "a high supply",
    fault: ControllerFault.Voltage,
    joint: noJoint,
    value: 13_001,
    params: [[ParamCode.MaxVoltage, noJoint, 13_000]],
    begin: (controller) => controller.setVoltage(13_001),
    end: (controller) => controller.setVoltage(13_000),
  },
  {
    name: "a silent joint",
    fault: ControllerFault.Bus,
    joint,
    value: faultTicks,
    begin: (controller) => {
      controller.validMask = allJoints & ~(1 << joint);
    },
    end: (controller) => {
      controller.validMask = allJoints;
    },
  },
];

async function enabled(params: Condition["params"] = []): Promise<WasmController> {
  const controller = await WasmController.create();
  controller.setVoltage(12_000);
  controller.tick();
  controller.hello(frameVectors.session_id, Feature.Events);
  for (const [param, of, value] of params) {
    assert.equal(controller.setParam(param, of, value).code, AckCode.Ok);
  }
  const { limitsCrc } = controller.getParam(ParamCode.Underrun, noJoint);
  assert.equal(controller.enable({ leaseMs: 1000, limitsCrc }).code, AckCode.Ok);
  for (let event = 1; event < 3; event++) controller.acknowledge(event);
  return controller;
}

for (const condition of conditions) {
  test(`${condition.name} latches after ${faultTicks} ticks, not after ${faultTicks - 1}`, async () => {
    const controller = await enabled(condition.params);
    condition.begin(controller);
    controller.tick(faultTicks - 1);
    condition.end(controller);
    controller.tick();
    condition.begin(controller);
    controller.tick(faultTicks - 1);
    assert.equal(controller.mode, ControllerMode.Hold, "the count starts anew");
    controller.takeFrames();
    controller.tick();
    assert.equal(controller.mode, ControllerMode.Fault);
    assert.equal(controller.fault, condition.fault);
    const fault = controller.takeEvents().find(({ code }) => code === EventCode.Fault);
    assert.deepEqual(
      [fault?.detail, fault?.joint, fault?.value],
      [condition.fault, condition.joint, condition.value],
    );
  });
}

/** An arm nobody can measure is not enabled in the first place. */
const measurable = conditions.filter(({ fault }) => fault !== ControllerFault.Bus);

for (const condition of measurable) {
  test(`${condition.name} is nobody's business in IDLE, and is counted from ENABLE on`, async () => {
    const controller = await enabled(condition.params);
    assert.equal(controller.disable().code, AckCode.Ok);
    condition.begin(controller);
    controller.tick(3 * faultTicks);
    assert.equal(controller.mode, ControllerMode.Idle);
    const { limitsCrc } = controller.getParam(ParamCode.Underrun, noJoint);
    assert.equal(controller.enable({ limitsCrc }).code, AckCode.Ok);
    controller.tick(faultTicks - 1);
    assert.equal(controller.mode, ControllerMode.Hold);
  });
}

const monitored = measurable.filter(({ fault }) => fault !== ControllerFault.Position);

for (const condition of monitored) {
  test(`${condition.name} of before ENABLE does not count after it`, async () => {
    const controller = await enabled(condition.params);
    condition.begin(controller);
    controller.tick(faultTicks - 1);
    assert.equal(controller.disable().code, AckCode.Ok);
    const { limitsCrc } = controller.getParam(ParamCode.Underrun, noJoint);
    assert.equal(controller.enable({ limitsCrc }).code, AckCode.Ok);
    controller.tick(faultTicks - 1);
    assert.equal(controller.mode, ControllerMode.Hold);
  });

  test(`${condition.name} does not matter where it is not monitored`, async () => {
    const off = (condition.params ?? []).map(([param, of]) => [param, of, 0] as const);
    const controller = await enabled(off);
    condition.begin(controller);
    controller.tick(3 * faultTicks);
    assert.equal(controller.mode, ControllerMode.Hold);
  });
}

for (const [side, limit, out] of [
  ["above", top, top + 3 * margin],
  ["below", bottom, bottom - 3 * margin],
] as const) {
  test(`a joint enabled ${side} its range may come back, but not leave again`, async () => {
    const controller = await WasmController.create();
    const outside = [0, 0, 0, out, 0, 0];
    controller.measured = outside;
    controller.tick();
    controller.hello(frameVectors.session_id);
    assert.equal(controller.setParam(ParamCode.FollowingError, joint, 0).code, AckCode.Ok);
    const { limitsCrc } = controller.getParam(ParamCode.FollowingError, joint);
    assert.equal(controller.enable({ limitsCrc }).code, AckCode.Ok);
    controller.tick(2 * faultTicks);
    assert.equal(controller.mode, ControllerMode.Hold, "where it was found");
    moveJoint(controller, limit);
    controller.tick();
    controller.measured = outside;
    controller.tick(faultTicks);
    assert.equal(controller.fault, ControllerFault.Position);
  });
}

test("the gripper's following error is its grip", async () => {
  const controller = await enabled();
  controller.measured = [...controller.command.slice(0, 5), 1_700_000];
  controller.tick(3 * faultTicks);
  assert.equal(controller.mode, ControllerMode.Hold);
  follow(controller);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import type { ParameterChanges } from "../../firmware-bridge/src/controller-parameters.ts";
import { FirmwareCore } from "../../firmware-bridge/src/transport/firmware-core.ts";
import { openWasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";

async function createRig(): Promise<{
  core: FirmwareCore;
  time: VirtualTime;
  link: ControllerLink;
}> {
  const core = await FirmwareCore.load();
  const time = new VirtualTime(() => {
    core.tick();
  });
  const openTransport = openWasmTransport(core);
  const link = new ControllerLink({ name: "wasm core", clock: time.clock, openTransport });
  await time.run(link.connect());
  return { core, time, link };
}

test("parameters read as the joint table has them", async () => {
  const { time, link } = await createRig();
  const parameters = await time.run(link.readParameters());
  assert.deepEqual(parameters.joints[2], {
    name: "elbow_flex",
    failAction: "hold",
    followingError: 0.6,
    maxEffort: 0,
    maxTemperature: 0,
  });
  const { underrun, minVoltage, maxVoltage } = parameters;
  assert.deepEqual([underrun, minVoltage, maxVoltage], ["hold", 0, 0]);
});

test("what is written reads back, and the arm can be armed with the new limits", async () => {
  const { core, time, link } = await createRig();
  await time.run(
    link.writeParameters({
      underrun: "fault",
      minVoltage: 10.5,
      maxVoltage: 13.2,
      joints: {
        gripper: { failAction: "release", maxEffort: 1.5, maxTemperature: 70 },
        wrist_roll: { failAction: "damp", followingError: 0.123456 },
      },
    }),
  );
  const parameters = await time.run(link.readParameters());
  const { underrun, minVoltage, maxVoltage } = parameters;
  assert.deepEqual([underrun, minVoltage, maxVoltage], ["fault", 10.5, 13.2]);
  assert.deepEqual(parameters.joints.slice(4), [
    {
      name: "wrist_roll",
      failAction: "damp",
      followingError: 0.123456,
      maxEffort: 0,
      maxTemperature: 0,
    },
    {
      name: "gripper",
      failAction: "release",
      followingError: 0,
      maxEffort: 1.5,
      maxTemperature: 70,
    },
  ]);
  await time.run(link.arm(200));
  link.emergencyStop();
  await time.pass(20);
  assert.equal(link.state, "faulted");
  assert.deepEqual([...core.drive], [0, 0, 0, 0, 1, 2]);
});

test("every host learns the limits that another has set", async () => {
  const { core, time, link } = await createRig();
  const clock = time.clock;
  await time.run(link.writeParameters({ joints: { gripper: { failAction: "release" } } }));
  const next = new ControllerLink({ name: "next", clock, openTransport: openWasmTransport(core) });
  await time.run(next.connect());
  await time.run(next.writeParameters({ joints: { gripper: { failAction: "damp" } } }));
  await time.run(next.arm(100));
  assert.equal(next.state, "armed");
});

test("nothing is sent when one value is out of its range", async () => {
  const { time, link } = await createRig();
  const before = link.counters.framesSent;
  const wrong: readonly ParameterChanges[] = [
    ...[
      '{ "joints": { "elbow": { "failAction": "hold" } } }',
      '{ "joints": { "elbow_flex": { "failAction": "explode" } } }',
      '{ "joints": { "elbow_flex": { "followingError": -1 } } }',
      '{ "joints": { "elbow_flex": { "maxTemperature": 70.5 } } }',
      '{ "underrun": "never" }',
    ].map((text) => JSON.parse(text)),
    { joints: { elbow_flex: { followingError: Number.NaN } } },
    { minVoltage: 3e6 },
  ];
  for (const changes of wrong) {
    const code = "INVALID_ARGUMENT";
    await assert.rejects(
      time.run(link.writeParameters(changes)),
      { code },
      JSON.stringify(changes),
    );
  }
  assert.equal(link.counters.framesSent, before);
  await time.run(link.arm(100));
  await assert.rejects(link.writeParameters({ underrun: "fault" }), { code: "INVALID_STATE" });
});

test("a refused value leaves the link able to arm with what was set before it", async () => {
  const { time, link } = await createRig();
  const writing = link.writeParameters({
    joints: { gripper: { failAction: "damp" }, elbow_flex: { maxTemperature: 256 } },
  });
  await assert.rejects(
    time.run(writing),
    /LINK_REFUSED.*PARAM_SET of elbow_flex\.maxTemperature.*RANGE/s,
  );
  const { joints } = await time.run(link.readParameters());
  assert.equal(joints[5]?.failAction, "damp");
  await time.run(link.arm(100));
  assert.equal(link.state, "armed");
});

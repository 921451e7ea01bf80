import assert from "node:assert/strict";
import { test } from "node:test";

import {
  homingOffsetAt,
  ServoBus,
  storeCalibration,
  sts3215,
  surveyServo,
  xl330M288,
  type ServoModel,
} from "../../firmware-bridge/src/servo/index.ts";
import { SimulatedServoBus } from "../../firmware-bridge/src/testing/index.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";

async function openBus(
  model: ServoModel,
): Promise<{ time: VirtualTime; sim: SimulatedServoBus; bus: ServoBus }> {
  const time = new VirtualTime();
  const { clock } = time;
  const sim = new SimulatedServoBus({ clock, servos: [{ model, id: 1, encoder: 1234 }] });
  const transport = await sim.openTransport();
  return { time, sim, bus: new ServoBus({ transport, clock, format: model.format }) };
}

test("wherever a Feetech joint stands, its offset puts it in the middle of the turn", () => {
  for (let encoder = 0; encoder < 4096; encoder++) {
    const before = 300;
    const position = (encoder - before + 4096) % 4096;
    const offset = homingOffsetAt(sts3215, position, before, 0);
    assert.ok(Math.abs(offset) <= 2047);
    const middle = (encoder - offset + 4096) % 4096;
    // 4095 is one step beyond what the register holds.
    assert.ok(middle === 2047 || (encoder === 4095 && middle === 2048), `${encoder}: ${middle}`);
  }
});

test("a Dynamixel takes a far offset only in extended position mode", () => {
  assert.equal(homingOffsetAt(xl330M288, 1500, 0, 3), 547);
  assert.equal(homingOffsetAt(xl330M288, 1500, 100, 3), 647);
  assert.throws(() => homingOffsetAt(xl330M288, 100, 0, 3), {
    code: "CALIBRATION_INVALID",
    message: /1947 steps.*1024.*extended position mode/,
  });
  assert.equal(homingOffsetAt(xl330M288, 100, 0, 4), 1947);
  assert.equal(homingOffsetAt(xl330M288, -5000, 0, 4), 7047);
});

for (const model of [sts3215, xl330M288]) {
  test(`${model.name}: calibration is stored, read back, and not written twice`, async () => {
    const { time, sim, bus } = await openBus(model);
    const values = { homingOffset: -300, minPosition: 700, maxPosition: 3000 };
    await time.run(storeCalibration(bus, 1, model, values));
    const kept = ["homingOffset", "minPosition", "maxPosition"] as const;
    assert.deepEqual(
      kept.map((name) => sim.servo(1).get(name)),
      [-300, 700, 3000],
    );
    if (model.family === "feetech") assert.equal(sim.servo(1).get("eepromLock"), 1);
    const sent = bus.counters.packetsSent;
    await time.run(storeCalibration(bus, 1, model, values));
    assert.equal(bus.counters.packetsSent - sent, 4, "four reads, no write");
  });

  test(`${model.name}: nothing is stored while there is torque`, async () => {
    const { time, sim, bus } = await openBus(model);
    sim.servo(1).set("torqueEnable", 1);
    await assert.rejects(time.run(storeCalibration(bus, 1, model, { homingOffset: 5 })), {
      code: "INVALID_STATE",
    });
    assert.equal(sim.servo(1).get("homingOffset"), 0);
  });

  test(`${model.name}: a survey tells everything and changes nothing`, async () => {
    const { time, sim, bus } = await openBus(model);
    const before = sim.servo(1).memory.slice();
    const survey = await time.run(surveyServo(bus, 1));
    assert.equal(survey?.model?.name, model.name);
    assert.equal(survey?.position, 1234);
    assert.equal(survey?.hasTorque, false);
    assert.deepEqual(survey?.conditions, []);
    assert.deepEqual(sim.servo(1).memory, before);
    assert.equal(await time.run(surveyServo(bus, 2)), undefined);
    sim.servo(1).set("modelNumber", 4242);
    assert.deepEqual(await time.run(surveyServo(bus, 1)), { id: 1, modelNumber: 4242 });
  });
}

test("a servo that does not keep what was written is named", async () => {
  const { time, sim, bus } = await openBus(sts3215);
  const servo = sim.servo(1);
  const write = servo.write.bind(servo);
  servo.write = (address, data) => (address === 31 ? 0 : write(address, data));
  await assert.rejects(time.run(storeCalibration(bus, 1, sts3215, { homingOffset: 5 })), {
    code: "LINK_REFUSED",
    message: /servo 1 did not keep register 31 \(homingOffset\)/,
  });
  assert.equal(servo.get("eepromLock"), 1, "locked again");
});

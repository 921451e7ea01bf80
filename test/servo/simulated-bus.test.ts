import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { sts3215, xm430W350, type ServoModel } from "../../firmware-bridge/src/servo/index.ts";
import { SimulatedServoBus } from "../../firmware-bridge/src/testing/index.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";
import { hexOf, packetNamed } from "./vectors.ts";

/** A simulated bus as bytes: what it answers to a documented packet. */
class Wire {
  readonly time = new VirtualTime();
  readonly bus: SimulatedServoBus;
  #answer: number[] = [];

  constructor(model: ServoModel, encoders: Readonly<Record<number, number>>) {
    this.bus = new SimulatedServoBus({
      clock: this.time.clock,
      servos: Object.entries(encoders).map(([id, encoder]) => ({ model, id: Number(id), encoder })),
    });
    this.bus.attach({
      deliver: (bytes) => {
        this.#answer.push(...bytes);
      },
      end: () => {},
    });
  }

  async exchange(bytes: Uint8Array): Promise<string> {
    this.#answer = [];
    this.bus.receive(bytes);
    await this.time.pass(20);
    return hexOf(Uint8Array.from(this.#answer));
  }
}

function joined(family: "dynamixel" | "feetech", ...names: readonly string[]): string {
  return names.map((name) => hexOf(packetNamed(family, name))).join(" ");
}

/** The servos of the e-manual's examples: an XM430-W210 at 166 and one at 2079. */
function createDynamixel(): Wire {
  const wire = new Wire(xm430W350, { 1: 166, 2: 2079 });
  for (const servo of wire.bus.servos) {
    servo.set("modelNumber", 1030);
    servo.set("firmware", 38);
  }
  return wire;
}

function createFeetech(encoder: number = 2048): Wire {
  const wire = new Wire(sts3215, { 1: encoder, 2: 2047, 3: 100 });
  wire.bus.servo(1).set("presentVoltage", 121);
  return wire;
}

describe("a simulated Dynamixel answers the e-manual's instructions with the e-manual's answers", () => {
  const exchanges: readonly [string, readonly string[]][] = [
    ["ping of servo 1", ["its answer: model 1030, firmware 38"]],
    ["ping of all", ["its answer: model 1030, firmware 38", "answer of servo 2 to it"]],
    ["read present position", ["its answer: 166"]],
    ["write goal position 512", ["answer to a write"]],
    ["register goal velocity 200", ["answer to a write"]],
    ["action", ["answer to a write"]],
    ["reboot", ["answer to a write"]],
    [
      "sync read of present position, servos 1 and 2",
      ["its answer: 166", "answer of servo 2: 2079"],
    ],
    ["sync write of goal position, 150 and 170", []],
    [
      "fast sync read of present position, servos 1 and 2",
      ["answer of servos 1 and 2 in one packet: 166, 2079"],
    ],
  ];
  for (const [instruction, answers] of exchanges) {
    test(instruction, async () => {
      const wire = createDynamixel();
      const answer = await wire.exchange(packetNamed("dynamixel", instruction));
      assert.equal(answer, joined("dynamixel", ...answers));
    });
  }

  test("what was written arrives in the registers", async () => {
    const wire = createDynamixel();
    await wire.exchange(packetNamed("dynamixel", "sync write of goal position, 150 and 170"));
    assert.deepEqual(
      wire.bus.servos.map((servo) => servo.get("goalPosition")),
      [150, 170],
    );
    await wire.exchange(packetNamed("dynamixel", "write goal position 512"));
    assert.equal(wire.bus.servo(1).get("goalPosition"), 512);
    await wire.exchange(packetNamed("dynamixel", "bus watchdog to 10 units"));
    assert.equal(wire.bus.servo(1).get("busWatchdog"), 10);
  });

  test("silence longer than its watchdog stops it where it is and makes its goal read-only", async () => {
    const wire = createDynamixel();
    const servo = wire.bus.servo(1);
    await wire.exchange(packetNamed("dynamixel", "torque on"));
    await wire.exchange(packetNamed("dynamixel", "bus watchdog to 10 units"));
    servo.set("goalPosition", 4000);
    await wire.time.pass(150);
    wire.bus.settle();
    assert.ok(servo.position > 200, "it moves");
    await wire.time.pass(100);
    wire.bus.settle();
    assert.equal(servo.get("busWatchdog"), -1);
    await wire.time.pass(500);
    wire.bus.settle();
    const stopped = servo.position;
    await wire.time.pass(500);
    wire.bus.settle();
    assert.equal(Math.round(servo.position), Math.round(stopped));
    assert.ok(stopped < 3000, "it stopped before its goal");
    const answer = await wire.exchange(packetNamed("dynamixel", "write goal position 512"));
    assert.equal(
      answer,
      joined("dynamixel", "data range error: the goal is read-only after the bus watchdog"),
    );
  });

  test("a hardware error is told by the alert bit", async () => {
    const wire = createDynamixel();
    wire.bus.servo(1).conditions = 0x20;
    const answer = await wire.exchange(packetNamed("dynamixel", "read present position"));
    assert.equal(answer, joined("dynamixel", "alert: the hardware error register is not 0"));
  });
});

describe("a simulated STS3215 answers the manual's instructions with the manual's answers", () => {
  const exchanges: readonly [string, readonly string[], number?][] = [
    ["ping of servo 1", ["its answer"]],
    ["read present position", ["its answer: 1304"], 1304],
    ["write goal position 2048 at 1000 steps/s", ["its answer"]],
    ["register goal position 2048 at 1000 steps/s", ["its answer"]],
    ["action", []],
    ["sync write of goal position 2048 at 1000 steps/s, servos 1 to 4", []],
  ];
  for (const [instruction, answers, encoder] of exchanges) {
    test(instruction, async () => {
      const answer = await createFeetech(encoder).exchange(packetNamed("feetech", instruction));
      assert.equal(answer, joined("feetech", ...answers));
    });
  }

  test("sync read of position, speed, load, voltage and temperature, servos 1 and 2", async () => {
    const answer = await createFeetech().exchange(
      packetNamed(
        "feetech",
        "sync read of position, speed, load, voltage and temperature, servos 1 and 2",
      ),
    );
    const first = joined("feetech", "answer of servo 1: 2048, at rest, 12.1 V, 30 degrees");
    assert.ok(answer.startsWith(first), answer);
    assert.match(
      answer.slice(first.length),
      /^ FF FF 02 0A 00 FF 07 00 00 00 00 78 1E [0-9A-F]{2}$/,
    );
  });

  test("a registered goal waits for the action, and a written goal switches torque on", async () => {
    const wire = createFeetech(1000);
    const servo = wire.bus.servo(1);
    await wire.exchange(packetNamed("feetech", "register goal position 2048 at 1000 steps/s"));
    assert.equal(servo.get("goalPosition"), 1000);
    assert.equal(servo.hasTorque, false);
    await wire.exchange(packetNamed("feetech", "action"));
    assert.equal(servo.get("goalPosition"), 2048);
    assert.equal(servo.get("speedLimit"), 1000);
    assert.equal(servo.hasTorque, true);
    await wire.time.pass(500);
    wire.bus.settle();
    assert.ok(servo.position > 1300 && servo.position < 1600, `${servo.position} after 0.5 s`);
    await wire.time.pass(2000);
    wire.bus.settle();
    assert.equal(Math.round(servo.position), 2048);
  });

  test("conditions stand in the status byte", async () => {
    const wire = createFeetech();
    wire.bus.servo(3).conditions = 0x24;
    const read = Uint8Array.of(0xff, 0xff, 3, 4, 2, 0x38, 2, 0xbc);
    assert.equal(
      await wire.exchange(read),
      joined("feetech", "overload and overheat, position 100"),
    );
  });

  test("its homing offset is subtracted, and EEPROM is stored only while unlocked", async () => {
    const wire = createFeetech();
    const servo = wire.bus.servo(1);
    const offset = packetNamed("feetech", "homing offset -1, sign in bit 11");
    await wire.exchange(offset);
    assert.equal(servo.get("homingOffset"), 0);
    await wire.exchange(packetNamed("feetech", "EEPROM unlocked"));
    await wire.exchange(offset);
    assert.equal(servo.get("homingOffset"), -1);
    assert.equal(servo.position, 2049);
  });
});

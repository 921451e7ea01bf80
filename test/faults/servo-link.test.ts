import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ServoLink, sts3215, xl330M288 } from "../../firmware-bridge/src/servo/index.ts";
import { calibrationOf, ServoRig } from "../servo/servo-rig.ts";

for (const model of [sts3215, xl330M288]) {
  describe(`a ServoLink to ${model.name}`, () => {
    test("gives torque only when armed, where the arm stands, and keeps it when closed", async () => {
      const rig = new ServoRig(model);
      await rig.time.run(rig.link.connect());
      await rig.time.pass(200);
      assert.ok(
        rig.bus.servos.every((servo) => !servo.hasTorque),
        "connect leaves torque off",
      );
      rig.bus.servo(2).turnByHand(300);
      await rig.time.pass(50);
      await rig.time.run(rig.link.arm(1000));
      await rig.passAlive(300);
      assert.ok(rig.bus.servos.every((servo) => servo.hasTorque));
      assert.equal(Math.round(rig.bus.servo(2).position), 2348, "nothing jumped");
      const speed =
        rig.bus.servo(2).get("speedLimit") * (model.registers.speedLimit.lsb?.value ?? 0);
      assert.ok(speed >= 3 && speed < 3.1, "half as fast again as the joint's 2 rad/s, at most");
      await rig.close();
      assert.ok(
        rig.bus.servos.every((servo) => servo.hasTorque),
        "an arm without torque falls",
      );
    });

    test("an arm that holds already keeps its goals when armed: it does not sag", async () => {
      const rig = new ServoRig(model, {}, { hasTorque: true, maxSpeed: 0 });
      rig.bus.servo(1).set("goalPosition", 2078);
      rig.bus.servo(2).set("goalPosition", 2600);
      await rig.connectAndArm();
      await rig.passAlive(50);
      assert.equal(rig.bus.servo(1).get("goalPosition"), 2078, "30 steps are a sag");
      assert.equal(rig.bus.servo(2).get("goalPosition"), 2048, "552 are not");
      assert.ok(Math.abs((rig.jointState().command[0] ?? 0) - 0.046) < 1e-3);
    });

    test("the servos follow the path and the measured positions are theirs", async () => {
      const rig = new ServoRig(model);
      await rig.connectAndArm();
      rig.move(0, 1);
      await rig.until("motion", () => rig.link.state === "moving");
      await rig.until("rest", () => rig.link.state === "armed");
      await rig.passAlive(300);
      const { position, command } = rig.jointState();
      assert.ok(Math.abs((command[0] ?? 0) - 0.38) < 1e-3);
      assert.ok(Math.abs((position[0] ?? 0) - (command[0] ?? 0)) < 0.004, `${position[0]}`);
      assert.equal(Math.round(rig.bus.servo(1).position), 2048 + 248);
    });

    test("a joint outside its range refuses to arm, by name, and nothing gets torque", async () => {
      const rig = new ServoRig(model, {}, { encoder: 700 });
      await rig.time.run(rig.link.connect());
      await assert.rejects(rig.time.run(rig.link.arm(100)), {
        code: "LINK_REFUSED",
        message: /shoulder \(servo 1\).*700 steps.*800 to 3300/,
      });
      assert.equal(rig.link.state, "idle");
      assert.ok(rig.bus.servos.every((servo) => !servo.hasTorque));
    });

    test("a servo that dies while the arm is armed leaves the others without torque, as before", async () => {
      const rig = new ServoRig(model);
      await rig.time.run(rig.link.connect());
      const arming = rig.link.arm(100);
      rig.bus.trouble(3, { isSilent: true });
      await assert.rejects(rig.time.run(arming), { code: "LINK_TIMEOUT", message: /servo 3/ });
      assert.deepEqual(
        rig.bus.servos.map((servo) => servo.hasTorque),
        [false, false, false],
      );
      assert.equal(rig.link.state, "idle");
    });

    test("single lost and damaged answers stop nothing", async () => {
      const rig = new ServoRig(model);
      await rig.connectAndArm();
      rig.move(0, 0.5, 50);
      for (let i = 0; i < 10; i++) {
        rig.bus.trouble(1 + (i % 3), i % 2 === 0 ? { corruptAnswers: 1 } : { cutAnswers: 1 });
        await rig.passAlive(70);
      }
      assert.notEqual(rig.link.state, "faulted");
      await rig.until("rest", () => rig.link.state === "armed");
      assert.ok(rig.link.busCounters.checksumErrors >= 5);
      assert.ok(rig.link.busCounters.garbageBytes > 0);
    });

    test("a servo that was silent while the last goals went out gets them when it is back", async () => {
      const rig = new ServoRig(model, { latencyMs: 1 });
      await rig.connectAndArm();
      rig.move(0, 1);
      await rig.until("motion", () => rig.link.state === "moving");
      await rig.passAlive(410);
      rig.bus.trouble(1, { isSilent: true });
      await rig.passAlive(80);
      assert.equal(rig.link.state, "armed", "the path is over");
      rig.bus.trouble(1, {});
      await rig.passAlive(500);
      assert.equal(rig.link.state, "armed");
      rig.bus.settle();
      assert.equal(Math.round(rig.bus.servo(1).position), 2048 + 248);
    });

    test("a servo that falls silent in motion is a BUS fault that names it, and the arm brakes", async () => {
      const rig = new ServoRig(model);
      await rig.connectAndArm();
      rig.move(0, 1, 80);
      await rig.until("motion", () => rig.link.state === "moving");
      rig.bus.trouble(2, { isSilent: true });
      await rig.until("the fault", () => rig.link.state === "faulted");
      assert.match(rig.details.at(-1) ?? "", /^BUS.*servo 2, elbow/);
      await rig.time.pass(400);
      rig.bus.settle();
      const held = rig.bus.servo(1).position;
      await rig.time.pass(400);
      rig.bus.settle();
      assert.ok(Math.abs(rig.bus.servo(1).position - held) < 1, "it holds");
      await rig.time.run(rig.link.clearFault());
      await assert.rejects(rig.time.run(rig.link.arm(100)), {
        code: "LINK_REFUSED",
        message: /servo 2/,
      });
      rig.bus.trouble(2, {});
      await rig.time.pass(50);
      await rig.time.run(rig.link.arm(100));
    });

    test("power lost on the whole bus is a BUS fault too, and not a stalled host", async () => {
      const rig = new ServoRig(model);
      await rig.connectAndArm();
      rig.move(0, 1, 80);
      await rig.until("motion", () => rig.link.state === "moving");
      for (const { id } of rig.bus.servos) rig.bus.trouble(id, { isSilent: true });
      await rig.until("the fault", () => rig.link.state === "faulted");
      assert.match(rig.details.at(-1) ?? "", /^BUS/);
    });

    for (const name of ["OVERLOAD", "OVERTEMPERATURE", "VOLTAGE"]) {
      test(`a servo that reports ${name} is a fault with that name`, async () => {
        const rig = new ServoRig(model);
        await rig.connectAndArm();
        const condition = model.conditions.find((one) => one.name === name);
        rig.bus.servo(3).conditions = condition?.bit ?? 0;
        await rig.until("the fault", () => rig.link.state === "faulted");
        assert.match(rig.details.at(-1) ?? "", new RegExp(`^${name} \\(servo 3, wrist`));
        await rig.time.run(rig.link.clearFault());
        await assert.rejects(rig.time.run(rig.link.arm(100)), { message: new RegExp(name) });
        rig.bus.servo(3).conditions = 0;
        await rig.time.pass(50);
        await rig.time.run(rig.link.arm(100));
      });
    }

    test("a joint that is blocked is a FOLLOWING_ERROR, unless it is not watched", async () => {
      for (const followingError of [0.2, 0]) {
        const limits = { maxVelocity: 2, maxAcceleration: 10, followingError };
        const rig = new ServoRig(model, { limits: { shoulder: limits } }, { maxSpeed: 20 });
        await rig.connectAndArm();
        rig.move(0, 1);
        await rig.passAlive(900);
        assert.equal(rig.link.state, followingError === 0 ? "armed" : "faulted");
        if (followingError > 0)
          assert.match(rig.details.at(-1) ?? "", /^FOLLOWING_ERROR.*shoulder/);
      }
    });

    test("a host that stalls in motion leaves the arm where it stopped", async () => {
      const rig = new ServoRig(model);
      await rig.connectAndArm();
      rig.move(0, 1, 80);
      await rig.until("motion", () => rig.link.state === "moving");
      await rig.passAlive(200);
      const { clock } = rig.time;
      const goal = rig.bus.servo(1).get("goalPosition");
      clock.stallUntil(clock.nowMs() + 400);
      await rig.until("the fault", () => rig.link.state === "faulted");
      assert.match(rig.details.at(-1) ?? "", /^STALL/);
      await rig.time.pass(500);
      rig.bus.settle();
      assert.ok(Math.abs(rig.bus.servo(1).position - goal) < 2, "its last goal");
    });

    test("a host that dies in motion leaves the last goal, a small step ahead", async () => {
      const rig = new ServoRig(model);
      await rig.connectAndArm();
      rig.move(0, 1, 80);
      await rig.until("motion", () => rig.link.state === "moving");
      await rig.passAlive(200);
      rig.bus.unplug();
      await rig.time.pass(1);
      rig.bus.settle();
      const before = rig.bus.servo(1).position;
      await rig.time.pass(3000);
      rig.bus.settle();
      const servo = rig.bus.servo(1);
      assert.ok(servo.position - before < 80, `it went on for ${servo.position - before} steps`);
      assert.ok(servo.hasTorque);
      if (model.family === "dynamixel") assert.equal(servo.get("busWatchdog"), -1);
    });

    test("release takes torque in idle and in a fault, never while armed", async () => {
      const rig = new ServoRig(model);
      await rig.connectAndArm();
      await assert.rejects(rig.link.release(), { code: "INVALID_STATE" });
      await rig.time.run(rig.link.disarm());
      assert.ok(rig.bus.servos.every((servo) => servo.hasTorque));
      await rig.time.run(rig.link.release());
      assert.ok(rig.bus.servos.every((servo) => !servo.hasTorque));
      await rig.time.run(rig.link.arm(100));
      rig.link.emergencyStop();
      assert.equal(rig.link.state, "armed", "listeners hear of it later, not from inside the call");
      await rig.time.run(rig.link.release());
      assert.ok(rig.bus.servos.every((servo) => !servo.hasTorque));
      assert.equal(rig.link.state, "faulted");
    });

    test("an emergency stop while the arm is being armed wins, and torque goes back", async () => {
      const rig = new ServoRig(model);
      await rig.time.run(rig.link.connect());
      const arming = rig.link.arm(100);
      await rig.time.pass(3);
      rig.link.emergencyStop();
      await assert.rejects(rig.time.run(arming), { code: "LINK_REFUSED", message: /ESTOP/ });
      assert.equal(rig.link.state, "faulted");
      assert.ok(rig.bus.servos.every((servo) => !servo.hasTorque));
    });

    test("a second arm and a close wait for the one under way", async () => {
      const rig = new ServoRig(model);
      await rig.time.run(rig.link.connect());
      const arming = rig.link.arm(100);
      await rig.time.pass(3);
      await assert.rejects(rig.link.arm(100), { code: "INVALID_STATE" });
      await rig.time.run(rig.link.close());
      await arming;
      assert.equal(rig.link.state, "closed");
      assert.ok(
        rig.bus.servos.every((servo) => servo.hasTorque),
        "all of them, not half",
      );
    });

    test("a servo with another homing offset, mode or model is refused by name before anything moves", async () => {
      const refusals: readonly [(rig: ServoRig) => void, string, RegExp][] = [
        [
          (rig) => rig.bus.servo(2).set("homingOffset", 5),
          "CALIBRATION_INVALID",
          /servo 2 .*5 steps/,
        ],
        [(rig) => rig.bus.servo(2).set("operatingMode", 1), "LINK_MISMATCH", /operatingMode/],
        [(rig) => rig.bus.servo(2).set("modelNumber", 999), "CALIBRATION_INVALID", /999/],
        [(rig) => rig.bus.trouble(2, { isSilent: true }), "LINK_TIMEOUT", /servo 2 \(elbow\)/],
      ];
      for (const [spoil, code, message] of refusals) {
        const rig = new ServoRig(model);
        spoil(rig);
        await assert.rejects(rig.time.run(rig.link.connect()), { code, message });
        assert.equal(rig.link.state, "closed");
        assert.ok(rig.bus.servos.every((servo) => !servo.hasTorque));
      }
    });

    test("a bus that is too slow for the cycle is refused with what would do", async () => {
      const rig = new ServoRig(model, { baudRate: 57_600 });
      await assert.rejects(rig.time.run(rig.link.connect()), {
        code: "INVALID_ARGUMENT",
        message: /57600 Bd.*to 100 ms/,
      });
    });

    test("connect can be cancelled by close", async () => {
      const rig = new ServoRig(model);
      const connecting = rig.link.connect();
      connecting.catch(() => {});
      await rig.time.pass(5);
      await rig.time.run(rig.link.close());
      await assert.rejects(rig.time.run(connecting), { code: "LINK_CLOSED" });
      await rig.time.run(rig.link.connect());
      assert.equal(rig.link.state, "idle");
    });
  });
}

test("a Feetech servo that lost its torque is a fault, and no goal switches it on again", async () => {
  const rig = new ServoRig(sts3215);
  await rig.connectAndArm();
  rig.move(0, 0.5, 100);
  await rig.until("motion", () => rig.link.state === "moving");
  rig.bus.trouble(2, { isSilent: true });
  await rig.passAlive(40);
  rig.bus.servo(2).reset();
  rig.bus.trouble(2, {});
  await rig.until("the fault", () => rig.link.state === "faulted");
  assert.match(rig.details.at(-1) ?? "", /^TORQUE \(servo 2, elbow/);
  await rig.time.pass(500);
  assert.equal(rig.bus.servo(2).hasTorque, false);
  assert.equal(rig.bus.servo(1).hasTorque, true);
});

test("a position that a damaged packet made up is not believed", async () => {
  const rig = new ServoRig(sts3215);
  await rig.connectAndArm();
  const servo = rig.bus.servo(1);
  const read = servo.read.bind(servo);
  let lies = 1;
  servo.read = (address, length) => {
    const answer = read(address, length);
    // As two flipped bits do that cancel out in the sum.
    if (length === 24 && lies-- > 0) answer.data[17] = (answer.data[17] ?? 0) ^ 0x04;
    return answer;
  };
  await rig.passAlive(50);
  assert.ok(lies < 1);
  assert.equal(rig.link.busCounters.implausibleReadings, 1);
  assert.ok(Math.abs(rig.jointState().position[0] ?? 1) < 0.01);
  assert.equal(rig.link.state, "armed");
});

test("a Dynamixel's own watchdog is longer than the lease and off when the arm is disarmed", async () => {
  const rig = new ServoRig(xl330M288);
  await rig.connectAndArm(200);
  assert.equal(rig.bus.servo(1).get("busWatchdog"), 15);
  await rig.passAlive(600);
  assert.equal(rig.bus.servo(1).get("busWatchdog"), 15, "the cycle feeds it");
  await rig.time.run(rig.link.arm(500));
  assert.equal(rig.bus.servo(1).get("busWatchdog"), 30, "another lease, another watchdog");
  await rig.time.run(rig.link.disarm());
  assert.equal(rig.bus.servo(1).get("busWatchdog"), 0);
});

test("limits that name no joint or are no numbers are refused", () => {
  const limits = { maxVelocity: 1, maxAcceleration: 1 };
  const refused = { code: "INVALID_ARGUMENT" };
  const rig = new ServoRig(sts3215);
  const make = (given: Record<string, typeof limits>): ServoLink =>
    new ServoLink({
      clock: rig.time.clock,
      openTransport: rig.bus.openTransport,
      calibration: calibrationOf(sts3215),
      limits: given,
    });
  assert.throws(() => make({ knee: limits }), refused);
  assert.throws(() => make({ elbow: { ...limits, maxVelocity: Number.NaN } }), refused);
  assert.throws(() => make({ elbow: { ...limits, maxVelocity: 0 } }), refused);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";

import { fromCounts } from "../protocol/units.ts";
import { calibrationText, parseCalibration } from "./calibration-file.ts";
import { CalibratedMotor, calibratedMotors, type MotorCalibration } from "./calibration.ts";
import { importLeRobotCalibration, type LeRobotImportOptions } from "./lerobot-calibration.ts";
import { readRegister, registerRange, writeRegister } from "./register.ts";
import { servoModels } from "./servo-models.ts";

const elbow: MotorCalibration = {
  joint: "elbow_flex",
  id: 3,
  model: "sts3215",
  homingOffset: -1021,
  direction: 1,
  zeroPosition: 2047.5,
  rangeMin: 800,
  rangeMax: 3295,
};
const calibration = { family: "feetech", motors: [elbow] } as const;

/** What LeRobot saves for an SO-101 follower, with another drive mode if asked for. */
function leRobotText(driveMode = 0): string {
  return JSON.stringify({
    shoulder_pan: {
      id: 1,
      drive_mode: 0,
      homing_offset: -1470,
      range_min: 758,
      range_max: 3292,
    },
    gripper: {
      id: 6,
      drive_mode: driveMode,
      homing_offset: 1407,
      range_min: 2031,
      range_max: 3476,
    },
  });
}

const feetech: LeRobotImportOptions = { family: "feetech", model: "sts3215" };

function importedJoints(joints: readonly string[]): readonly string[] {
  const options = { ...feetech, joints };
  const { motors } = importLeRobotCalibration(leRobotText(), "so101.json", options);
  return motors.map(({ joint }) => joint);
}

function gripperDirection(more: Partial<LeRobotImportOptions>): number | undefined {
  const options = { ...feetech, ...more };
  return importLeRobotCalibration(leRobotText(1), "so101.json", options).motors[1]?.direction;
}

test("a whole step survives the way to µrad and back, in both directions", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: elbow.rangeMin, max: elbow.rangeMax }),
      fc.constantFrom<1 | -1>(1, -1),
      fc.double({ min: 0, max: 4095, noNaN: true }),
      (steps, direction, zeroPosition) => {
        const motor = new CalibratedMotor("feetech", { ...elbow, direction, zeroPosition });
        assert.equal(motor.toSteps(motor.toCounts(steps)), steps);
      },
    ),
  );
});

test("a turn is 4096 steps and the direction turns the sign and the limits", () => {
  const plain = new CalibratedMotor("feetech", { ...elbow, zeroPosition: 2048 });
  assert.equal(plain.toCounts(3072), 1_570_796);
  assert.ok(Math.abs(plain.toVelocity(1024) - Math.PI / 2) < 1e-9);
  const reversed = new CalibratedMotor("feetech", { ...elbow, zeroPosition: 2048, direction: -1 });
  assert.equal(reversed.toCounts(3072), -1_570_796);
  assert.equal(reversed.minCounts, -plain.maxCounts);
  assert.ok(reversed.toVelocity(1024) < 0);
});

test("an angle outside the range becomes the end of the range", () => {
  const motor = new CalibratedMotor("feetech", elbow);
  assert.equal(motor.toSteps(10_000_000), elbow.rangeMax);
  assert.equal(motor.toSteps(-10_000_000), elbow.rangeMin);
});

test("a calibration file comes back as it was written", () => {
  assert.deepEqual(parseCalibration(calibrationText(calibration), "arm.json"), calibration);
});

test("what is wrong in a calibration file is named", () => {
  const text = calibrationText(calibration);
  const cases: readonly [string, RegExp][] = [
    ["{", /arm\.json is not JSON/],
    [text.replace('"version": 1', '"version": 2'), /version/],
    [text.replace('"id": 3', '"id": 300'), /motors\[0\]\.id/],
    [text.replace('"direction": 1', '"direction": 0'), /direction/],
    [text.replace('"zero_position": 2047.5,', ""), /lacks the key motors\[0\]\.zero_position/],
    [text.replace("sts3215", "sts9999"), /sts9999.*sts3215/],
    [text.replace('"range_min": 800', '"range_min": 3295'), /range of elbow_flex/],
    [text.replace('"family": "feetech"', '"family": "dynamixel"'), /sts3215/],
  ];
  for (const [spoiled, message] of cases) {
    assert.notEqual(spoiled, text);
    assert.throws(() => parseCalibration(spoiled, "arm.json"), {
      code: "CALIBRATION_INVALID",
      message,
    });
  }
  const twice = { family: "feetech", motors: [elbow, { ...elbow, joint: "other" }] } as const;
  assert.throws(() => calibratedMotors(twice), { message: /the id of every motor.*3, 3/ });
});

test("a LeRobot calibration keeps its numbers, and the middle of a range is 0", () => {
  const { motors } = importLeRobotCalibration(leRobotText(), "so101.json", feetech);
  assert.deepEqual(motors[0], {
    joint: "shoulder_pan",
    id: 1,
    model: "sts3215",
    homingOffset: -1470,
    direction: 1,
    zeroPosition: 2025,
    rangeMin: 758,
    rangeMax: 3292,
  });
  const motor = new CalibratedMotor("feetech", motors[0] ?? elbow);
  assert.equal(motor.minCounts, -motor.maxCounts);
  // LeRobot's degrees take a turn for 4095 steps.
  const degrees = ((3292 - 2025) * 360) / 4095;
  assert.ok(Math.abs((fromCounts(motor.maxCounts) * 180) / Math.PI - degrees) < 0.04);
});

test("a joint whose angle is not 0 in the middle says so", () => {
  const options = { ...feetech, middleAngles: { gripper: 0.785 } };
  const { motors } = importLeRobotCalibration(leRobotText(), "so101.json", options);
  const gripper = new CalibratedMotor("feetech", motors[1] ?? elbow);
  const middle = gripper.toCounts((2031 + 3476) / 2);
  assert.equal(middle, 785_000);
});

test("drive mode 1 of a Feetech motor must be decided, of a Dynamixel the servo has obeyed it", () => {
  assert.throws(() => gripperDirection({}), {
    code: "CALIBRATION_INVALID",
    message: /drive_mode 1 for gripper/,
  });
  assert.equal(gripperDirection({ driveMode: "reverse" }), -1);
  assert.equal(gripperDirection({ driveMode: "ignore" }), 1);
  assert.equal(gripperDirection({ family: "dynamixel", model: "xl330-m288" }), 1);
});

test("a reversed joint keeps its angle in the middle", () => {
  const { motors } = importLeRobotCalibration(leRobotText(1), "so101.json", {
    ...feetech,
    driveMode: "reverse",
    middleAngles: { gripper: 0.5 },
  });
  const gripper = new CalibratedMotor("feetech", motors[1] ?? elbow);
  assert.equal(gripper.toCounts((2031 + 3476) / 2), 500_000);
  assert.ok(gripper.toCounts(3476) < 500_000);
});

test("joints are taken in the order asked for, and one that is missing is named", () => {
  const joints = ["gripper", "shoulder_pan"];
  assert.deepEqual(importedJoints(joints), joints);
  assert.throws(() => importedJoints(["elbow_flex"]), {
    message: /so101\.json lacks the key elbow_flex/,
  });
});

test("LeRobot's old form is refused and not guessed at", () => {
  const old = JSON.stringify({ homing_offset: [1], drive_mode: [0], start_pos: [1], end_pos: [2] });
  assert.throws(() => importLeRobotCalibration(old, "old.json", feetech), {
    code: "CALIBRATION_INVALID",
    message: /old form/,
  });
});

test("every register of every model keeps its range, and refuses what is beyond it", () => {
  for (const model of servoModels) {
    for (const [name, register] of Object.entries(model.registers)) {
      const { min, max } = registerRange(register);
      const bytes = new Uint8Array(register.bytes + 2);
      for (const value of [min, max, 0, Math.trunc(max / 3)]) {
        writeRegister(register, value, bytes, 1);
        assert.equal(readRegister(register, bytes, 1), value, `${model.name} ${name}`);
      }
      assert.throws(() => writeRegister(register, max + 1, bytes), { code: "INVALID_ARGUMENT" });
      assert.throws(() => writeRegister(register, min - 1, bytes), { code: "INVALID_ARGUMENT" });
    }
  }
});

test("a sign stands where the servo has it", () => {
  const offset = servoModels[0]?.registers.homingOffset;
  assert.ok(offset !== undefined);
  const bytes = new Uint8Array(2);
  writeRegister(offset, -1021, bytes);
  assert.deepEqual([...bytes], [0xfd, 0x0b]);
});

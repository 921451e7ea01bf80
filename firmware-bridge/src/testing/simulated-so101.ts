import type { Clock } from "../../../sdk/src/clock.ts";
import {
  CalibratedMotor,
  type ArmCalibration,
  type MotorCalibration,
} from "../servo/calibration.ts";
import { xl330M288 } from "../servo/dynamixel/x-series.ts";
import { sts3215 } from "../servo/feetech/sts3215.ts";
import { zeroPosition } from "../servo/lerobot-calibration.ts";
import { radPerStep, type ServoFamily, type ServoModel } from "../servo/servo-model.ts";
import { so101Joints, so101MiddleAngles, type KnownJoint } from "../servo/so101.ts";
import { toCounts } from "../protocol/units.ts";
import { SimulatedHand } from "./simulated-hand.ts";
import { SimulatedServoBus } from "./simulated-servo-bus.ts";

export interface SimulatedSo101Options {
  readonly clock: Clock;
  /** `dynamixel` puts XL330 servos into the same arm. Default feetech. */
  readonly family?: ServoFamily;
  /** Where the joints stand, rad; the middle of their ranges when left out. */
  readonly pose?: readonly number[];
  readonly hasTorque?: boolean;
  readonly hasEcho?: boolean;
}

/** Homing offsets as calibrating leaves them, steps. */
const homingOffsets = [-412, 873, -1021, 255, 64, -700];

/** An SO-101 that is not there: six servos with ids 1 to 6, calibrated, and a hand that turns them while they have no torque. */
export class SimulatedSo101 {
  readonly bus: SimulatedServoBus;
  readonly calibration: ArmCalibration;
  readonly hand: SimulatedHand;

  constructor(options: SimulatedSo101Options) {
    const { clock, family = "feetech", pose, hasTorque = false, hasEcho = false } = options;
    const model = modelOf(family);
    this.calibration = {
      family,
      motors: so101Joints.map((joint, i) => calibrate(joint, i, model)),
    };
    const motors = this.calibration.motors.map((motor) => new CalibratedMotor(family, motor));
    const { homingSign } = model;
    const encoderAt = (index: number, position: number): number =>
      position - homingSign * (homingOffsets[index] ?? 0);
    this.bus = new SimulatedServoBus({
      clock,
      hasEcho,
      servos: motors.map(({ id, joint }, i) => {
        const angle = pose?.[i] ?? so101MiddleAngles[joint] ?? 0;
        const position = motors[i]?.toSteps(toCounts(angle)) ?? model.middlePosition;
        const homingOffset = homingOffsets[i] ?? 0;
        return { model, id, encoder: encoderAt(i, position), homingOffset, hasTorque };
      }),
    });
    for (const servo of this.bus.servos) {
      // Its offset is beyond what position mode allows.
      if (family === "dynamixel") servo.set("operatingMode", 4);
    }
    const stops = motors.map(({ calibration: { rangeMin, rangeMax } }, i) => ({
      min: encoderAt(i, rangeMin),
      max: encoderAt(i, rangeMax),
    }));
    this.hand = new SimulatedHand(clock, this.bus, stops);
  }
}

function calibrate(
  { name, minPosition, maxPosition }: KnownJoint,
  index: number,
  model: ServoModel,
): MotorCalibration {
  const middle = model.middlePosition;
  // A step beyond the stops on either side, so that rounding cuts nothing off.
  const half = Math.ceil((maxPosition - minPosition) / 2 / radPerStep(model)) + 1;
  return {
    joint: name,
    id: index + 1,
    model: model.name,
    homingOffset: homingOffsets[index] ?? 0,
    direction: 1,
    zeroPosition: zeroPosition(model.name, 1, middle, (minPosition + maxPosition) / 2),
    rangeMin: middle - half,
    rangeMax: middle + half,
  };
}

function modelOf(family: ServoFamily): ServoModel {
  return family === "feetech" ? sts3215 : xl330M288;
}

import { OmpError } from "../../../sdk/src/errors.ts";
import { fromCounts, toCounts } from "../protocol/units.ts";
import { maxServoId } from "./packet-format.ts";
import { radPerStep, type ServoFamily, type ServoModel } from "./servo-model.ts";
import { servoModels } from "./servo-models.ts";

/** How one servo's steps are one joint's angle. */
export interface MotorCalibration {
  readonly joint: string;
  /** 0 to 252. */
  readonly id: number;
  /** A `ServoModel.name`. */
  readonly model: string;
  /** Value of the servo's homing offset register, steps. */
  readonly homingOffset: number;
  /** -1 when the joint's angle falls as the servo's position rises. */
  readonly direction: 1 | -1;
  /** Position at which the joint's angle is 0, steps; may lie between two. */
  readonly zeroPosition: number;
  /** Least and largest position the joint may have, steps. */
  readonly rangeMin: number;
  readonly rangeMax: number;
}

/** An arm's servos, in the order of every vector of its link. */
export interface ArmCalibration {
  readonly family: ServoFamily;
  readonly motors: readonly MotorCalibration[];
}

/** A servo with what is known about it, and its steps as the joint's angle. */
export class CalibratedMotor {
  readonly joint: string;
  readonly id: number;
  readonly model: ServoModel;
  readonly calibration: MotorCalibration;
  /** Limits of the joint, µrad. */
  readonly minCounts: number;
  readonly maxCounts: number;
  readonly #countsPerStep: number;

  /** @throws {OmpError} CALIBRATION_INVALID */
  constructor(family: ServoFamily, calibration: MotorCalibration) {
    this.joint = calibration.joint;
    this.id = calibration.id;
    this.calibration = calibration;
    this.model = modelNamed(family, calibration);
    this.#countsPerStep = calibration.direction * radPerStep(this.model);
    const ends = [calibration.rangeMin, calibration.rangeMax].map((steps) => this.toCounts(steps));
    this.minCounts = Math.min(...ends);
    this.maxCounts = Math.max(...ends);
  }

  /** Joint angle, µrad, of a servo position. */
  toCounts(steps: number): number {
    return toCounts((steps - this.calibration.zeroPosition) * this.#countsPerStep);
  }

  /** The servo position nearest to a joint angle, µrad, within the joint's range. */
  toSteps(counts: number): number {
    const { zeroPosition, rangeMin, rangeMax } = this.calibration;
    const steps = Math.round(zeroPosition + fromCounts(counts) / this.#countsPerStep);
    return Math.min(rangeMax, Math.max(rangeMin, steps));
  }

  /** rad/s of the joint for steps/s of the servo's velocity register count. */
  toVelocity(counts: number): number {
    const { lsb } = this.model.registers.presentVelocity;
    return counts * this.calibration.direction * (lsb?.value ?? 0);
  }

  toEffort(counts: number): number {
    return counts * this.calibration.direction * this.model.effortPerCount;
  }

  isInRange(steps: number): boolean {
    return steps >= this.calibration.rangeMin && steps <= this.calibration.rangeMax;
  }
}

/**
 * The motors of a calibration, checked.
 *
 * @throws {OmpError} CALIBRATION_INVALID
 */
export function calibratedMotors(calibration: ArmCalibration): readonly CalibratedMotor[] {
  const motors = calibration.motors.map((motor) => new CalibratedMotor(calibration.family, motor));
  if (motors.length === 0 || motors.length > 16) {
    throw invalid("the number of motors", `${motors.length}`, "1 to 16");
  }
  for (const key of ["joint", "id"] as const) {
    const values = motors.map((motor) => motor[key]);
    if (new Set(values).size !== values.length) {
      throw invalid(`the ${key} of every motor`, values.join(", "), "no two of them the same");
    }
  }
  for (const { joint, id, model, calibration: motor } of motors) {
    const { rangeMin, rangeMax, zeroPosition, homingOffset } = motor;
    const { minPosition, goalPosition } = model.registers;
    const isWhole = [id, rangeMin, rangeMax, homingOffset].every(Number.isInteger);
    const lowest = goalPosition.sign === "twos" ? -(2 ** 20) : 0;
    const highest = goalPosition.sign === "twos" ? 2 ** 20 : 2 ** 15 - 1;
    if (!isWhole || !Number.isFinite(zeroPosition) || minPosition.bytes === 1) {
      throw invalid(`the calibration of ${joint}`, JSON.stringify(motor), "whole numbers");
    }
    if (id < 0 || id > maxServoId) {
      throw invalid(`the id of ${joint}`, `${id}`, `0 to ${maxServoId}`);
    }
    if (!(lowest <= rangeMin && rangeMin < rangeMax && rangeMax <= highest)) {
      throw invalid(
        `the range of ${joint}`,
        `${rangeMin} to ${rangeMax} steps`,
        `range_min below range_max, within ${lowest} to ${highest}`,
      );
    }
  }
  return motors;
}

function modelNamed(family: ServoFamily, { joint, model }: MotorCalibration): ServoModel {
  const known = servoModels.filter((candidate) => candidate.family === family);
  const found = known.find(({ name }) => name === model);
  if (found !== undefined) return found;
  const names = known.map(({ name }) => name).join(", ");
  throw invalid(`the servo model of ${joint}`, model, `one of ${names} (${family})`);
}

function invalid(what: string, observed: string, expected: string): OmpError {
  return new OmpError("CALIBRATION_INVALID", { what: `${what} is not usable`, observed, expected });
}

import { asOmpError } from "../../../sdk/src/errors.ts";
import { JsonFields } from "../../../sdk/src/internal/json-fields.ts";
import { calibratedMotors, type ArmCalibration, type MotorCalibration } from "./calibration.ts";
import { maxServoId } from "./packet-format.ts";

const format = "omp-calibration";
const version = 1;

/**
 * The text of a calibration file:
 *
 *     { "format": "omp-calibration", "version": 1, "family": "feetech",
 *       "motors": [{ "joint": "shoulder_pan", "id": 1, "model": "sts3215", "homing_offset": -12, "direction": 1,
 *                    "zero_position": 2047.5, "range_min": 760, "range_max": 3335 }] }
 *
 * Lengths are steps of the servo. `angle = direction * (present position - zero_position) * 2 pi / steps per turn`.
 */
export function calibrationText(calibration: ArmCalibration): string {
  const motors = calibration.motors.map((motor) => ({
    joint: motor.joint,
    id: motor.id,
    model: motor.model,
    homing_offset: motor.homingOffset,
    direction: motor.direction,
    zero_position: motor.zeroPosition,
    range_min: motor.rangeMin,
    range_max: motor.rangeMax,
  }));
  const content = { format, version, family: calibration.family, motors };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/**
 * Reads the text of a calibration file.
 *
 * @param file for messages
 * @throws {OmpError} CALIBRATION_INVALID
 */
export function parseCalibration(text: string, file: string): ArmCalibration {
  const root = new JsonFields(parseJson(text, file), file, "", "CALIBRATION_INVALID");
  root.allow("format", "version", "family", "motors");
  root.literal("format", format);
  root.literal("version", version);
  const calibration = {
    family: root.literal("family", "feetech", "dynamixel"),
    motors: root.objects("motors").map(parseMotor),
  };
  calibratedMotors(calibration);
  return calibration;
}

function parseMotor(fields: JsonFields): MotorCalibration {
  fields.allow(
    "joint",
    "id",
    "model",
    "homing_offset",
    "direction",
    "zero_position",
    "range_min",
    "range_max",
  );
  const steps = 2 ** 20;
  return {
    joint: fields.string("joint"),
    id: fields.integer("id", 0, maxServoId),
    model: fields.string("model"),
    homingOffset: fields.integer("homing_offset", -steps, steps),
    direction: fields.literal("direction", 1, -1),
    zeroPosition: fields.number("zero_position", -steps, steps),
    rangeMin: fields.integer("range_min", -steps, steps),
    rangeMax: fields.integer("range_max", -steps, steps),
  };
}

/** `JSON.parse` whose error names the file. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw asOmpError(error, "CALIBRATION_INVALID", `${file} is not JSON`);
  }
}

import { OmpError } from "../../../sdk/src/errors.ts";
import { JsonFields } from "../../../sdk/src/internal/json-fields.ts";
import { parseJson } from "./calibration-file.ts";
import { calibratedMotors, type ArmCalibration, type MotorCalibration } from "./calibration.ts";
import { radPerStep, type ServoFamily } from "./servo-model.ts";
import { servoModels } from "./servo-models.ts";
import { maxServoId } from "./packet-format.ts";

export interface LeRobotImportOptions {
  readonly family: ServoFamily;
  /** `ServoModel.name` of every motor, or of each by its name in the file. */
  readonly model: string | Readonly<Record<string, string>>;
  /** Joints in the order of the link's vectors, by their names in the file; the file's own order when left out. */
  readonly joints?: readonly string[];
  /** Angle of a joint at the middle of its range, rad; 0 when left out, as in LeRobot's degrees. */
  readonly middleAngles?: Readonly<Record<string, number>>;
  /**
   * What a Feetech motor's `drive_mode: 1` means. LeRobot reverses such a motor in its range modes and does not in degrees, so data
   * recorded in degrees needs `ignore`. Must be given when a motor has it.
   */
  readonly driveMode?: "reverse" | "ignore";
}

const keys = ["id", "drive_mode", "homing_offset", "range_min", "range_max"] as const;
/** Keys of the files LeRobot wrote before it had one object a motor. */
const oldKeys = ["start_pos", "end_pos", "calib_mode", "motor_names"];

/**
 * Reads a calibration that LeRobot saved: one object a motor with `id`, `drive_mode`, `homing_offset`, `range_min` and `range_max`.
 *
 * What the numbers mean there, and what becomes of them:
 * - `homing_offset` is the servo's register as it is. A Feetech servo subtracts it from its encoder, a Dynamixel adds it.
 * - `range_min` and `range_max` are present positions, so the offset is in them already.
 * - The middle of the range is 0 degrees. LeRobot takes a turn for 4095 steps; it has 4096, which is 0.04 degrees in half a turn.
 * - `drive_mode` of a Dynamixel repeats a register that the servo itself obeys: nothing is left for the host to reverse.
 *
 * @param file for messages
 * @throws {OmpError} CALIBRATION_INVALID
 */
export function importLeRobotCalibration(
  text: string,
  file: string,
  options: LeRobotImportOptions,
): ArmCalibration {
  const root = new JsonFields(parseJson(text, file), file, "", "CALIBRATION_INVALID");
  if (oldKeys.some((key) => root.keys().includes(key))) {
    throw new OmpError("CALIBRATION_INVALID", {
      what: `${file} is of LeRobot's old form, whose offsets are no servo registers`,
      next: "Calibrate again, with `omp motors calibrate` or a current LeRobot.",
    });
  }
  const joints = options.joints ?? root.keys();
  const motors = joints.map((joint) => importMotor(joint, root.object(joint), options, file));
  const calibration = { family: options.family, motors };
  calibratedMotors(calibration);
  return calibration;
}

function importMotor(
  joint: string,
  fields: JsonFields,
  options: LeRobotImportOptions,
  file: string,
): MotorCalibration {
  fields.allow(...keys);
  const steps = 2 ** 20;
  const rangeMin = fields.integer("range_min", -steps, steps);
  const rangeMax = fields.integer("range_max", -steps, steps);
  const isReversed = fields.literal("drive_mode", 0, 1) === 1;
  const direction = isReversed ? directionOf(joint, options, file) : 1;
  const model = typeof options.model === "string" ? options.model : (options.model[joint] ?? "");
  const middleAngle = options.middleAngles?.[joint] ?? 0;
  return {
    joint,
    id: fields.integer("id", 0, maxServoId),
    model,
    homingOffset: fields.integer("homing_offset", -steps, steps),
    direction,
    zeroPosition: zeroPosition(model, direction, (rangeMin + rangeMax) / 2, middleAngle),
    rangeMin,
    rangeMax,
  };
}

/** The position at which a joint's angle is 0 when it is `middleAngle` rad at `middle` steps. */
export function zeroPosition(
  model: string,
  direction: 1 | -1,
  middle: number,
  middleAngle: number,
): number {
  const known = servoModels.find(({ name }) => name === model);
  // A model that is not known is refused with the whole calibration.
  if (known === undefined || middleAngle === 0) return middle;
  return middle - (direction * middleAngle) / radPerStep(known);
}

function directionOf(joint: string, options: LeRobotImportOptions, file: string): 1 | -1 {
  if (options.family === "dynamixel" || options.driveMode === "ignore") return 1;
  if (options.driveMode === "reverse") return -1;
  throw new OmpError("CALIBRATION_INVALID", {
    what: `${file} has drive_mode 1 for ${joint}, and what that means depends on how the data was recorded`,
    expected: "driveMode: reverse (data in LeRobot's range modes) or ignore (data in degrees)",
    next: "Say which one; the joint moves the wrong way with the other.",
  });
}

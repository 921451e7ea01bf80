import { OmpError } from "../../../sdk/src/errors.ts";
import type { CalibratedMotor } from "./calibration.ts";
import type { ServoBus } from "./servo-bus.ts";
import { servoModel } from "./servo-models.ts";

/** Bit of a Dynamixel's drive mode: profile velocity is a time. */
const timeBasedProfileBit = 0x04;

/**
 * Reads who the servo of a motor is and refuses one that the calibration does not fit.
 *
 * @returns "sts3215 3.10"
 * @throws {OmpError} LINK_TIMEOUT when it does not answer, CALIBRATION_INVALID, LINK_MISMATCH, LINK_CLOSED
 */
export async function identifyServo(bus: ServoBus, motor: CalibratedMotor): Promise<string> {
  const { id, joint, model, calibration } = motor;
  const { registers } = model;
  if ((await bus.ping(id)) === undefined) {
    throw new OmpError("LINK_TIMEOUT", {
      what: `servo ${id} (${joint}) does not answer`,
      expected: `a ${model.name}`,
      next: "Check power, cable, id and baud rate; `omp motors scan` shows who answers.",
    });
  }
  const modelNumber = await bus.readRegister(id, registers.modelNumber);
  if (modelNumber !== model.modelNumber) {
    const name = servoModel(model.family, modelNumber)?.name ?? `model number ${modelNumber}`;
    throw new OmpError("CALIBRATION_INVALID", {
      what: `servo ${id} (${joint}) is another model than its calibration says`,
      observed: name,
      expected: model.name,
    });
  }
  const homingOffset = await bus.readRegister(id, registers.homingOffset);
  if (homingOffset !== calibration.homingOffset) {
    throw new OmpError("CALIBRATION_INVALID", {
      what: `servo ${id} (${joint}) has another homing offset than its calibration says, so its angles would be wrong`,
      observed: `${homingOffset} steps`,
      expected: `${calibration.homingOffset} steps`,
      next: "It was calibrated again or replaced: run `omp motors calibrate`.",
    });
  }
  await requireRegister(bus, motor, "statusReturnLevel", [model.answersAll]);
  await requireRegister(bus, motor, "operatingMode", model.positionModes);
  if (registers.driveMode !== undefined) {
    const driveMode = await bus.readRegister(id, registers.driveMode);
    if ((driveMode & timeBasedProfileBit) !== 0) {
      throw mismatch(motor, "driveMode", `${driveMode}`, "bit 2 clear: profiles by velocity");
    }
  }
  const firmware = await bus.readRegister(id, registers.firmware);
  const version =
    registers.firmware.bytes === 2 ? `${firmware & 0xff}.${firmware >> 8}` : `${firmware}`;
  return `${model.name} ${version}`;
}

async function requireRegister(
  bus: ServoBus,
  motor: CalibratedMotor,
  name: "statusReturnLevel" | "operatingMode",
  allowed: readonly number[],
): Promise<void> {
  const value = await bus.readRegister(motor.id, motor.model.registers[name]);
  if (!allowed.includes(value)) throw mismatch(motor, name, `${value}`, allowed.join(" or "));
}

function mismatch(
  motor: CalibratedMotor,
  name: "statusReturnLevel" | "operatingMode" | "driveMode",
  observed: string,
  expected: string,
): OmpError {
  const address = motor.model.registers[name]?.address;
  return new OmpError("LINK_MISMATCH", {
    what: `servo ${motor.id} (${motor.joint}) is not set up for this link: register ${address} (${name})`,
    observed,
    expected,
    next: "Set it with the maker's tool while torque is off.",
  });
}

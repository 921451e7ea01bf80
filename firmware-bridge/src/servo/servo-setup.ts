import { OmpError } from "../../../sdk/src/errors.ts";
import type { ServoBus } from "./servo-bus.ts";
import type { ServoModel } from "./servo-model.ts";

/** What a calibration keeps in a servo, steps. */
export interface ServoCalibrationRegisters {
  readonly homingOffset?: number;
  readonly minPosition?: number;
  readonly maxPosition?: number;
}

/**
 * Writes calibration registers to a servo's EEPROM and reads them back. What is there already is not written: EEPROM wears out.
 *
 * @throws {OmpError} INVALID_STATE when torque is on, LINK_REFUSED when a value was not kept, LINK_TIMEOUT, LINK_CLOSED
 */
export async function storeCalibration(
  bus: ServoBus,
  id: number,
  model: ServoModel,
  values: ServoCalibrationRegisters,
): Promise<void> {
  const { registers } = model;
  if ((await bus.readRegister(id, registers.torqueEnable)) === 1) {
    throw new OmpError("INVALID_STATE", {
      what: `servo ${id} has torque, and its EEPROM is written only without`,
      next: "Release it first: `omp motors release`.",
    });
  }
  for (const name of ["homingOffset", "minPosition", "maxPosition"] as const) {
    const value = values[name];
    if (value === undefined || (await bus.readRegister(id, registers[name])) === value) continue;
    if (registers.eepromLock !== undefined) await bus.writeRegister(id, registers.eepromLock, 0);
    try {
      await bus.writeRegister(id, registers[name], value);
    } finally {
      if (registers.eepromLock !== undefined) await bus.writeRegister(id, registers.eepromLock, 1);
    }
    const kept = await bus.readRegister(id, registers[name]);
    if (kept === value) continue;
    throw new OmpError("LINK_REFUSED", {
      what: `servo ${id} did not keep register ${registers[name].address} (${name})`,
      observed: `${kept}`,
      expected: `${value}`,
    });
  }
}

/**
 * The homing offset with which a joint that stands at `position` now would stand in the middle of its servo's turn.
 *
 * @param homingOffset the one in force, steps
 * @throws {OmpError} CALIBRATION_INVALID when the servo cannot have it
 */
export function homingOffsetAt(
  model: ServoModel,
  position: number,
  homingOffset: number,
  operatingMode: number,
): number {
  const { family, homingSign, stepsPerTurn, middlePosition } = model;
  const encoder = position - homingSign * homingOffset;
  const isSingleTurn = family === "feetech" || operatingMode !== extendedPosition;
  const inTurn = isSingleTurn ? modulo(encoder, stepsPerTurn) : encoder;
  const offset = homingSign * (middlePosition - inTurn);
  // One position of a Feetech's turn is a step beyond what its register holds.
  const nearest = offset === model.maxHomingOffset + 1 ? model.maxHomingOffset : offset;
  if (!isSingleTurn || Math.abs(nearest) <= model.maxHomingOffset) return nearest;
  throw new OmpError("CALIBRATION_INVALID", {
    what: `a ${model.name} in operating mode ${operatingMode} cannot be offset that far`,
    observed: `${nearest} steps`,
    expected: `at most ${model.maxHomingOffset} steps`,
    next: "Set it to extended position mode (4), or mount its horn nearer to the middle.",
  });
}

const extendedPosition = 4;

function modulo(value: number, span: number): number {
  return ((value % span) + span) % span;
}

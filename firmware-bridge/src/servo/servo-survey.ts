import { hardwareAlertBit } from "./dynamixel/dynamixel-format.ts";
import { readRegister, type Register } from "./register.ts";
import type { ServoBus } from "./servo-bus.ts";
import { conditionsOf, type ServoCondition, type ServoModel } from "./servo-model.ts";
import { servoModel, servoModels } from "./servo-models.ts";

/** What a servo that answers says about itself. */
export interface ServoSurvey {
  readonly id: number;
  readonly modelNumber: number;
  /** Undefined for a servo omp-edge does not know; the rest is then missing too. */
  readonly model?: ServoModel;
  readonly hasTorque?: boolean;
  /** Steps. */
  readonly position?: number;
  readonly voltage?: number;
  readonly temperature?: number;
  readonly homingOffset?: number;
  readonly minPosition?: number;
  readonly maxPosition?: number;
  readonly operatingMode?: number;
  readonly conditions?: readonly ServoCondition[];
}

/**
 * Asks one id who is there. Changes nothing.
 *
 * @returns undefined when nobody answers
 * @throws {OmpError} LINK_CLOSED; LINK_TIMEOUT when a servo answered and then no more
 */
export async function surveyServo(bus: ServoBus, id: number): Promise<ServoSurvey | undefined> {
  if ((await bus.ping(id, 2)) === undefined) return undefined;
  const { family } = bus.format;
  // Every model of a family has its model number in the same place.
  const any = servoModels.find((model) => model.family === family);
  if (any === undefined) return undefined;
  const modelNumber = await bus.readRegister(id, any.registers.modelNumber);
  const model = servoModel(family, modelNumber);
  if (model === undefined) return { id, modelNumber };
  const { registers, stateBlock } = model;
  const state = await bus.read(id, stateBlock.address, stateBlock.bytes);
  const inState = (register: Register): number =>
    readRegister(register, state.data, register.address - stateBlock.address);
  const { presentPosition, presentVoltage, presentTemperature } = registers;
  return {
    id,
    modelNumber,
    model,
    hasTorque: (await bus.readRegister(id, registers.torqueEnable)) === 1,
    position: inState(presentPosition),
    voltage: inState(presentVoltage) * (presentVoltage.lsb?.value ?? 0),
    temperature: inState(presentTemperature),
    homingOffset: await bus.readRegister(id, registers.homingOffset),
    minPosition: await bus.readRegister(id, registers.minPosition),
    maxPosition: await bus.readRegister(id, registers.maxPosition),
    operatingMode: await bus.readRegister(id, registers.operatingMode),
    conditions: await conditionsIn(bus, id, model, state.error),
  };
}

async function conditionsIn(
  bus: ServoBus,
  id: number,
  model: ServoModel,
  error: number,
): Promise<readonly ServoCondition[]> {
  const { hardwareErrors } = model.registers;
  if (hardwareErrors === undefined) return conditionsOf(model, error);
  if ((error & hardwareAlertBit) === 0) return [];
  return conditionsOf(model, await bus.readRegister(id, hardwareErrors));
}

import type { PacketFormat } from "./packet-format.ts";
import type { Register } from "./register.ts";

export type ServoFamily = PacketFormat["family"];

/** The registers that omp-edge uses, by what they are for. */
export interface ServoRegisters {
  readonly modelNumber: Register;
  readonly firmware: Register;
  /** 2: every instruction is answered (Feetech: 1). */
  readonly statusReturnLevel: Register;
  readonly operatingMode: Register;
  readonly homingOffset: Register;
  readonly minPosition: Register;
  readonly maxPosition: Register;
  readonly torqueEnable: Register;
  /** How fast and how hard the servo itself may go toward its goal. */
  readonly speedLimit: Register;
  readonly accelerationLimit: Register;
  readonly goalPosition: Register;
  readonly presentPosition: Register;
  readonly presentVelocity: Register;
  /** Current, or the share of the full drive; see `effortPerCount`. */
  readonly presentLoad: Register;
  readonly presentVoltage: Register;
  readonly presentTemperature: Register;
  /** Feetech: 0 lets EEPROM be written. */
  readonly eepromLock?: Register;
  /** Dynamixel: bit 0 reverses the direction. */
  readonly driveMode?: Register;
  /** Dynamixel: why the alert bit is set. */
  readonly hardwareErrors?: Register;
  /** Dynamixel: stops by itself when the bus is silent. */
  readonly busWatchdog?: Register;
}

/** One kind of servo: its control table, and what counts mean. */
export interface ServoModel {
  readonly name: string;
  readonly family: ServoFamily;
  readonly format: PacketFormat;
  /** Value of the model number register. */
  readonly modelNumber: number;
  readonly stepsPerTurn: number;
  /** `present position = encoder + homingSign * homing offset`. */
  readonly homingSign: 1 | -1;
  /** Position the homing offset gives the middle of a joint's range, steps. */
  readonly middlePosition: number;
  /** Largest magnitude of a homing offset that takes effect, steps. */
  readonly maxHomingOffset: number;
  /** Operating modes in which the goal is an absolute position. */
  readonly positionModes: readonly number[];
  /** The status return level at which every instruction is answered. */
  readonly answersAll: number;
  /** Value of `accelerationLimit` with which the servo adds no ramp of its own: the path has its limits already. */
  readonly noRamp: number;
  /** Faster than the output shaft can turn at its highest voltage, rad/s. A measured jump beyond it is a damaged packet. */
  readonly impossibleSpeed: number;
  /** N·m a count of `presentLoad`: a share of the stall torque. An estimate, not a measurement. */
  readonly effortPerCount: number;
  /** Read together, once a cycle: from the first to the last of the present values. */
  readonly stateBlock: { readonly address: number; readonly bytes: number };
  readonly registers: ServoRegisters;
  /** Conditions to stop for, by their bit in the status byte (Feetech) or in the hardware error register (Dynamixel). */
  readonly conditions: readonly ServoCondition[];
}

/** A condition that a servo reports about itself. */
export interface ServoCondition {
  readonly bit: number;
  readonly name: string;
  /** One sentence for a person. */
  readonly meaning: string;
}

/** The conditions whose bits are set. */
export function conditionsOf(model: ServoModel, bits: number): readonly ServoCondition[] {
  return model.conditions.filter(({ bit }) => (bits & bit) !== 0);
}

/** rad a step. */
export function radPerStep(model: Pick<ServoModel, "stepsPerTurn">): number {
  return (2 * Math.PI) / model.stepsPerTurn;
}

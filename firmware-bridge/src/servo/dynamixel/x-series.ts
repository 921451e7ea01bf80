import type { Register } from "../register.ts";
import type { ServoCondition, ServoModel, ServoRegisters } from "../servo-model.ts";
import { dynamixelFormat } from "./dynamixel-format.ts";

const rpm = (2 * Math.PI) / 60;
const stepsPerTurn = 4096;
const step = { value: (2 * Math.PI) / stepsPerTurn, unit: "rad" };
const velocityLsb = { value: 0.229 * rpm, unit: "rad/s" };

const eeprom = (address: number, bytes: 1 | 2 | 4, more: Partial<Register> = {}): Register => ({
  address,
  bytes,
  memory: "eeprom",
  ...more,
});
const ram = (address: number, bytes: 1 | 2 | 4, more: Partial<Register> = {}): Register => ({
  address,
  bytes,
  memory: "ram",
  ...more,
});

/** Time unit of the bus watchdog register, ms; it takes 1 to 127 of them, 0 switches it off and clears it, -1 says it tripped. */
export const busWatchdogUnitMs = 20;
export const maxBusWatchdog = 127;

/** The control table that XL330, XL430 and XM430 share, as far as it is used here. */
const registers: ServoRegisters = {
  modelNumber: eeprom(0, 2),
  firmware: eeprom(6, 1),
  driveMode: eeprom(10, 1),
  operatingMode: eeprom(11, 1),
  homingOffset: eeprom(20, 4, { sign: "twos", lsb: step }),
  maxPosition: eeprom(48, 4, { lsb: step }),
  minPosition: eeprom(52, 4, { lsb: step }),
  torqueEnable: ram(64, 1),
  statusReturnLevel: ram(68, 1),
  hardwareErrors: ram(70, 1),
  busWatchdog: ram(98, 1, { sign: "twos", lsb: { value: busWatchdogUnitMs, unit: "ms" } }),
  accelerationLimit: ram(108, 4, { lsb: { value: (214.577 * rpm) / 60, unit: "rad/s²" } }),
  speedLimit: ram(112, 4, { lsb: velocityLsb }),
  goalPosition: ram(116, 4, { sign: "twos", lsb: step }),
  presentLoad: ram(126, 2, { sign: "twos" }),
  presentVelocity: ram(128, 4, { sign: "twos", lsb: velocityLsb }),
  presentPosition: ram(132, 4, { sign: "twos", lsb: step }),
  presentVoltage: ram(144, 2, { lsb: { value: 0.1, unit: "V" } }),
  presentTemperature: ram(146, 1, { lsb: { value: 1, unit: "°C" } }),
};

/** Bits of the hardware error register. All but the voltage one have switched torque off; only a reboot clears them. */
const conditions: readonly ServoCondition[] = [
  {
    bit: 0x01,
    name: "VOLTAGE",
    meaning: "its supply is outside its limits; check the power supply and its cable",
  },
  {
    bit: 0x04,
    name: "OVERTEMPERATURE",
    meaning: "it is too hot; let it cool down, then reboot it",
  },
  { bit: 0x08, name: "ENCODER", meaning: "its encoder does not work; reboot it" },
  {
    bit: 0x10,
    name: "ELECTRICAL_SHOCK",
    meaning: "its circuit is short of power or damaged; reboot it",
  },
  {
    bit: 0x20,
    name: "OVERLOAD",
    meaning: "it pushed too hard for too long; free the joint, then reboot it",
  },
];

function xSeries(
  name: string,
  modelNumber: number,
  maxRpm: number,
  effortPerCount: number,
  loadLsb: NonNullable<Register["lsb"]>,
): ServoModel {
  return {
    name,
    family: "dynamixel",
    format: dynamixelFormat,
    modelNumber,
    stepsPerTurn,
    homingSign: 1,
    middlePosition: 2047,
    // In position mode; in extended position mode a million.
    maxHomingOffset: 1024,
    // Position, extended position, current-based position.
    positionModes: [3, 4, 5],
    answersAll: 2,
    noRamp: 0,
    impossibleSpeed: 1.5 * maxRpm * rpm,
    effortPerCount,
    stateBlock: { address: 126, bytes: 21 },
    registers: { ...registers, presentLoad: { ...registers.presentLoad, lsb: loadLsb } },
    conditions,
  };
}

const drive = { value: 0.1, unit: "% of full drive" };

/** Robotis DYNAMIXEL X, protocol 2.0. Effort: stall torque over stall current, or a share of the stall torque. */
export const xl330M288: ServoModel = xSeries("xl330-m288", 1200, 124, 0.52 / 1470, {
  value: 1,
  unit: "mA",
});
export const xl330M077: ServoModel = xSeries("xl330-m077", 1190, 460, 0.215 / 1470, {
  value: 1,
  unit: "mA",
});
export const xl430W250: ServoModel = xSeries("xl430-w250", 1060, 70, 1.5 / 1000, drive);
export const xm430W350: ServoModel = xSeries("xm430-w350", 1020, 57, (4.1 / 2300) * 2.69, {
  value: 2.69,
  unit: "mA",
});

import type { Register } from "../register.ts";
import type { ServoModel } from "../servo-model.ts";
import { FeetechError, feetechFormat } from "./feetech-format.ts";

const rpm = (2 * Math.PI) / 60;
const stepsPerTurn = 4096;
const step = { value: (2 * Math.PI) / stepsPerTurn, unit: "rad" };
const stepPerSecond = { value: step.value, unit: "rad/s" };

const eeprom = (address: number, bytes: 1 | 2, more: Partial<Register> = {}): Register => ({
  address,
  bytes,
  memory: "eeprom",
  ...more,
});
const ram = (address: number, bytes: 1 | 2, more: Partial<Register> = {}): Register => ({
  address,
  bytes,
  memory: "ram",
  ...more,
});

/**
 * Feetech STS3215, the servo of SO-100 and SO-101; the registers used here, from its memory table.
 *
 * - It has no watchdog: after a host that died it goes to its last goal and holds there.
 * - Writing a goal may switch torque on by itself.
 */
export const sts3215: ServoModel = {
  name: "sts3215",
  family: "feetech",
  format: feetechFormat,
  modelNumber: 777,
  stepsPerTurn,
  homingSign: -1,
  middlePosition: 2047,
  maxHomingOffset: 2047,
  positionModes: [0],
  answersAll: 1,
  noRamp: 254,
  // Without load it turns at 45 to 110 rpm, by its gear ratio.
  impossibleSpeed: 150 * rpm,
  // 0.1 % of the stall torque at 7.4 V, 19.5 kg·cm.
  effortPerCount: 1.91 / 1000,
  // Torque, goal and limits are read back with every state: the goal is written without an answer.
  stateBlock: { address: 40, bytes: 24 },
  registers: {
    firmware: eeprom(0, 2),
    modelNumber: eeprom(3, 2),
    statusReturnLevel: eeprom(8, 1),
    minPosition: eeprom(9, 2, { lsb: step }),
    maxPosition: eeprom(11, 2, { lsb: step }),
    homingOffset: eeprom(31, 2, { sign: 11, lsb: step }),
    operatingMode: eeprom(33, 1),
    torqueEnable: ram(40, 1),
    accelerationLimit: ram(41, 1, { lsb: { value: 100 * step.value, unit: "rad/s²" } }),
    goalPosition: ram(42, 2, { sign: 15, lsb: step }),
    speedLimit: ram(46, 2, { sign: 15, lsb: stepPerSecond }),
    eepromLock: ram(55, 1),
    presentPosition: ram(56, 2, { sign: 15, lsb: step }),
    presentVelocity: ram(58, 2, { sign: 15, lsb: stepPerSecond }),
    presentLoad: ram(60, 2, { sign: 10, lsb: { value: 0.1, unit: "% of full drive" } }),
    presentVoltage: ram(62, 1, { lsb: { value: 0.1, unit: "V" } }),
    presentTemperature: ram(63, 1, { lsb: { value: 1, unit: "°C" } }),
  },
  conditions: [
    {
      bit: FeetechError.Voltage,
      name: "VOLTAGE",
      meaning: "its supply is outside its limits; check the power supply and its cable",
    },
    { bit: FeetechError.Encoder, name: "ENCODER", meaning: "its encoder does not work" },
    {
      bit: FeetechError.Overheat,
      name: "OVERTEMPERATURE",
      meaning: "it is too hot; let it cool down with torque off",
    },
    {
      bit: FeetechError.Overcurrent,
      name: "OVERCURRENT",
      meaning: "it draws too much current; free the joint",
    },
    {
      bit: FeetechError.Overload,
      name: "OVERLOAD",
      meaning: "it pushed too hard for too long and protects itself; free the joint",
    },
  ],
};

import { hardwareAlertBit, DynamixelInstruction } from "../servo/dynamixel/dynamixel-format.ts";
import { busWatchdogUnitMs } from "../servo/dynamixel/x-series.ts";
import { Instruction } from "../servo/packet-format.ts";
import { readRegister, writeRegister, type Register } from "../servo/register.ts";
import type { ServoModel, ServoRegisters } from "../servo/servo-model.ts";

export interface SimulatedServoOptions {
  readonly model: ServoModel;
  readonly id: number;
  /** Where the encoder stands, steps; default the middle of a turn. */
  readonly encoder?: number;
  /** Value of the homing offset register, steps; default 0. */
  readonly homingOffset?: number;
  /** Whether torque is on, default false. */
  readonly hasTorque?: boolean;
  /** steps/s and steps/s² of the motor, defaults 4000 and 40000. */
  readonly maxSpeed?: number;
  readonly maxAcceleration?: number;
}

/** What a servo answers. */
export interface SimulatedAnswer {
  readonly error: number;
  readonly data: Uint8Array;
}

const memoryBytes = 256;
const stepMs = 1;
/** How soon the position controller wants to be at the goal, s. */
const settleSeconds = 0.03;

const dynamixelErrors = {
  instruction: 2,
  dataRange: 4,
  dataLength: 5,
  dataLimit: 6,
  access: 7,
} as const;
const nothing = new Uint8Array(0);
const readOnly = [
  "modelNumber",
  "firmware",
  "hardwareErrors",
  "presentLoad",
  "presentVelocity",
  "presentPosition",
  "presentVoltage",
  "presentTemperature",
] as const;

/**
 * One servo: its control table and a motor that goes to its goal under speed and acceleration limits. It keeps the rules that matter
 * for safety, each in the way that is worse for a host that does not know it:
 *
 * - Feetech: a written goal switches torque on; EEPROM is stored only while unlocked.
 * - Dynamixel: torque on makes the present position the goal; EEPROM is read-only with torque; a bus watchdog that ran out stops the
 *   motor and makes the goal read-only until it is cleared; an alert stays until a reboot.
 */
export class SimulatedServo {
  readonly model: ServoModel;
  readonly id: number;
  readonly memory: Uint8Array = new Uint8Array(memoryBytes);
  readonly #maxSpeed: number;
  readonly #maxAcceleration: number;
  #encoder: number;
  #velocity = 0;
  #nowMs: number;
  #heardAtMs: number;
  #conditions = 0;
  #registered: { address: number; data: Uint8Array } | undefined;

  constructor(options: SimulatedServoOptions, nowMs: number) {
    const { model } = options;
    this.model = model;
    this.id = options.id;
    this.#encoder = options.encoder ?? model.stepsPerTurn / 2;
    this.#maxSpeed = options.maxSpeed ?? 4000;
    this.#maxAcceleration = options.maxAcceleration ?? 40_000;
    this.#nowMs = nowMs;
    this.#heardAtMs = nowMs;
    this.set("modelNumber", model.modelNumber);
    this.set("firmware", model.registers.firmware.bytes === 2 ? 0x0a03 : 46);
    this.set("statusReturnLevel", model.answersAll);
    this.set("operatingMode", model.positionModes[0] ?? 0);
    this.set("homingOffset", options.homingOffset ?? 0);
    this.set("maxPosition", model.stepsPerTurn - 1);
    this.set("presentVoltage", 120);
    this.set("presentTemperature", 30);
    if (model.registers.eepromLock !== undefined) this.set("eepromLock", 1);
    this.#writeState();
    this.set("goalPosition", Math.round(this.position));
    this.set("torqueEnable", (options.hasTorque ?? false) ? 1 : 0);
  }

  /** As the servo reports it, steps, with fraction. */
  get position(): number {
    const { homingSign, stepsPerTurn, family } = this.model;
    const position = this.#encoder + homingSign * this.get("homingOffset");
    return family === "feetech" ? modulo(position, stepsPerTurn) : position;
  }

  /** Where the shaft stands, whatever its offset, steps with fraction; not wrapped. */
  get encoder(): number {
    return this.#encoder;
  }

  get hasTorque(): boolean {
    return this.get("torqueEnable") === 1;
  }

  /** Bits of the conditions that the servo reports from now on, as in `ServoModel.conditions`. */
  set conditions(bits: number) {
    this.#conditions = bits;
    if (this.model.registers.hardwareErrors !== undefined) this.set("hardwareErrors", bits);
  }

  get(name: keyof ServoRegisters): number {
    const register = this.model.registers[name];
    return register === undefined ? 0 : readRegister(register, this.memory, register.address);
  }

  set(name: keyof ServoRegisters, value: number): void {
    const register = this.model.registers[name];
    if (register !== undefined) writeRegister(register, value, this.memory, register.address);
  }

  /** Somebody turns the output shaft; a servo with torque does not let them. */
  turnByHand(steps: number): void {
    if (this.hasTorque) return;
    this.#encoder += steps;
    this.#writeState();
  }

  /** As after a short loss of power: RAM is as it was delivered, torque is off. */
  reset(): void {
    this.set("torqueEnable", 0);
    this.set("speedLimit", 0);
    this.set("accelerationLimit", 0);
    if (this.model.registers.busWatchdog !== undefined) this.set("busWatchdog", 0);
    this.conditions = 0;
    this.#velocity = 0;
    this.#registered = undefined;
  }

  /** Lets the motor run. */
  advanceTo(nowMs: number): void {
    while (this.#nowMs + stepMs <= nowMs) {
      this.#nowMs += stepMs;
      this.#watch();
      this.#move();
    }
    this.#writeState();
  }

  /** Carries out an instruction that was addressed to this servo or to all. @returns undefined when it is not answered */
  execute(instruction: number, params: Uint8Array): SimulatedAnswer | undefined {
    this.#heardAtMs = this.#nowMs;
    const isDynamixel = this.model.family === "dynamixel";
    switch (instruction) {
      case Instruction.Ping:
        return this.#answer(0, isDynamixel ? this.#identity() : nothing);
      case Instruction.Read: {
        const { address, rest } = this.#split(params);
        const length = isDynamixel ? (rest[0] ?? 0) | ((rest[1] ?? 0) << 8) : (rest[0] ?? 0);
        return this.read(address, length);
      }
      case Instruction.Write: {
        const { address, rest } = this.#split(params);
        return this.#ifWritesAnswer(this.#answer(this.write(address, rest)));
      }
      case Instruction.RegWrite: {
        const { address, rest } = this.#split(params);
        this.#registered = { address, data: rest.slice() };
        return this.#ifWritesAnswer(this.#answer(0));
      }
      case Instruction.Action: {
        const registered = this.#registered;
        this.#registered = undefined;
        if (registered !== undefined) this.write(registered.address, registered.data);
        return this.#ifWritesAnswer(this.#answer(0));
      }
      case DynamixelInstruction.Reboot:
        if (isDynamixel) this.reset();
        return this.#ifWritesAnswer(this.#answer(0));
      default:
        return isDynamixel ? this.#answer(dynamixelErrors.instruction) : undefined;
    }
  }

  /** Somebody's packet was on the bus; it feeds the watchdog of those it was for. */
  hear(): void {
    this.#heardAtMs = this.#nowMs;
  }

  read(address: number, length: number): SimulatedAnswer {
    return this.#answer(0, this.memory.slice(address, address + length));
  }

  /** @returns the error code a Dynamixel answers with, 0 when done */
  write(address: number, data: Uint8Array): number {
    for (const register of this.#registersIn(address, data.length)) {
      const error = this.#refusalOf(
        register,
        readRegister(register, data, register.address - address),
      );
      if (error !== 0) return error;
    }
    const hadTorque = this.hasTorque;
    const { eepromLock, goalPosition, torqueEnable, busWatchdog } = this.model.registers;
    const isLocked = eepromLock !== undefined && this.get("eepromLock") === 1;
    for (let i = 0; i < data.length; i++) {
      const at = address + i;
      if (!(isLocked && at < torqueEnable.address)) this.memory[at] = data[i] ?? 0;
    }
    const touches = (register: Register | undefined): boolean =>
      register !== undefined &&
      register.address >= address &&
      register.address < address + data.length;
    if (this.model.family === "feetech" && touches(goalPosition)) this.set("torqueEnable", 1);
    if (this.model.family === "dynamixel" && !hadTorque && this.hasTorque) {
      this.#writeState();
      this.set("goalPosition", Math.round(this.position));
    }
    if (touches(busWatchdog)) this.#heardAtMs = this.#nowMs;
    if (!this.hasTorque) this.#velocity = 0;
    this.#writeState();
    return 0;
  }

  #registersIn(address: number, length: number): Register[] {
    return Object.values(this.model.registers).filter(
      (register: Register) =>
        register.address >= address && register.address + register.bytes <= address + length,
    );
  }

  #refusalOf(register: Register, value: number): number {
    if (this.model.family === "feetech") return 0;
    const { registers } = this.model;
    if (register.memory === "eeprom" && this.hasTorque) return dynamixelErrors.access;
    if (readOnly.some((name) => registers[name] === register)) return dynamixelErrors.access;
    if (register !== registers.goalPosition) return 0;
    if (this.get("busWatchdog") < 0) return dynamixelErrors.dataRange;
    const isLimited = this.get("operatingMode") === 3;
    const isOutside = value < this.get("minPosition") || value > this.get("maxPosition");
    return isLimited && isOutside ? dynamixelErrors.dataLimit : 0;
  }

  #watch(): void {
    const units = this.get("busWatchdog");
    if (units <= 0 || !this.hasTorque) return;
    if (this.#nowMs - this.#heardAtMs <= units * busWatchdogUnitMs) return;
    this.set("busWatchdog", -1);
    this.set("goalPosition", Math.round(this.position));
  }

  #move(): void {
    if (!this.hasTorque) return;
    const { speedLimit } = this.model.registers;
    const limit = (this.get("speedLimit") * (speedLimit.lsb?.value ?? 0)) / this.#radPerStep;
    const maxSpeed = limit > 0 ? Math.min(limit, this.#maxSpeed) : this.#maxSpeed;
    const seconds = stepMs / 1000;
    const distance = this.get("goalPosition") - this.position;
    const wanted = Math.min(maxSpeed, Math.max(-maxSpeed, distance / settleSeconds));
    const change = this.#maxAcceleration * seconds;
    this.#velocity += Math.min(change, Math.max(-change, wanted - this.#velocity));
    this.#encoder += this.#velocity * seconds;
  }

  #writeState(): void {
    const { presentVelocity } = this.model.registers;
    this.set("presentPosition", Math.round(this.position) % this.#positionSpan);
    const velocity = (this.#velocity * this.#radPerStep) / (presentVelocity.lsb?.value ?? 1);
    this.set("presentVelocity", Math.round(velocity));
  }

  get #positionSpan(): number {
    return this.model.family === "feetech" ? this.model.stepsPerTurn : Number.POSITIVE_INFINITY;
  }

  get #radPerStep(): number {
    return (2 * Math.PI) / this.model.stepsPerTurn;
  }

  #identity(): Uint8Array {
    const { modelNumber, firmware } = this.model.registers;
    const at = modelNumber.address;
    return Uint8Array.of(
      this.memory[at] ?? 0,
      this.memory[at + 1] ?? 0,
      this.memory[firmware.address] ?? 0,
    );
  }

  #split(params: Uint8Array): { address: number; rest: Uint8Array } {
    const isDynamixel = this.model.family === "dynamixel";
    const address = (params[0] ?? 0) | (isDynamixel ? (params[1] ?? 0) << 8 : 0);
    return { address, rest: params.subarray(isDynamixel ? 2 : 1) };
  }

  #answer(code: number, data: Uint8Array = nothing): SimulatedAnswer {
    const isDynamixel = this.model.family === "dynamixel";
    const alert = this.#conditions === 0 ? 0 : hardwareAlertBit;
    return { error: isDynamixel ? code | alert : this.#conditions, data };
  }

  #ifWritesAnswer(answer: SimulatedAnswer): SimulatedAnswer | undefined {
    return this.get("statusReturnLevel") === this.model.answersAll ? answer : undefined;
  }
}

function modulo(value: number, span: number): number {
  return ((value % span) + span) % span;
}

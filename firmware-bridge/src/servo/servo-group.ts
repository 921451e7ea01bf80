import { OmpError } from "../../../sdk/src/errors.ts";
import type { Clock } from "../../../sdk/src/clock.ts";
import type { CalibratedMotor } from "./calibration.ts";
import { hardwareAlertBit } from "./dynamixel/dynamixel-format.ts";
import { busWatchdogUnitMs, maxBusWatchdog } from "./dynamixel/x-series.ts";
import { readRegister, writeRegister } from "./register.ts";
import type { ServoReply } from "./bus-line.ts";
import type { ServoBus } from "./servo-bus.ts";
import { conditionsOf, radPerStep, type ServoCondition } from "./servo-model.ts";

/** What one servo last said. */
export interface ServoReading {
  /** Host clock, ms; minus infinity before the first reading. */
  measuredAtMs: number;
  /** Whether it answered when it was last asked. */
  isCurrent: boolean;
  /** Steps. */
  position: number;
  /** Counts of the velocity and load registers. */
  velocity: number;
  load: number;
  /** V and °C. */
  voltage: number;
  temperature: number;
  /** Status byte. */
  error: number;
  /** Readings in a row whose status byte reported a condition. */
  conditionCount: number;
  /** Undefined where a state does not tell. */
  hasTorque: boolean | undefined;
}

/** What noise and rounding may add to a jump, steps. */
const jumpSlackSteps = 16;
/** A joint that holds may stand this far from its goal, rad. */
const maxSag = 0.2;
const speedHeadroom = 1.5;

/** The servos of one arm on one bus: what is done to all of them. */
export class ServoGroup {
  /** In the order of the motors. */
  readonly readings: readonly ServoReading[];
  readonly #bus: ServoBus;
  readonly #clock: Clock;
  readonly #motors: readonly CalibratedMotor[];
  readonly #ids: readonly number[];
  readonly #isFast: boolean;
  /** Those that the last `energize` gave torque. */
  #switchedOn: CalibratedMotor[] = [];

  /** @param isFast whether states are read with fast sync read */
  constructor(
    bus: ServoBus,
    clock: Clock,
    motors: readonly CalibratedMotor[],
    isFast: boolean = false,
  ) {
    this.#bus = bus;
    this.#clock = clock;
    this.#motors = motors;
    this.#ids = motors.map(({ id }) => id);
    this.#isFast = isFast;
    this.readings = motors.map(createReading);
  }

  /**
   * Reads the state of every servo.
   *
   * @returns whether all of them answered
   * @throws {OmpError} LINK_CLOSED
   */
  async read(): Promise<boolean> {
    const block = this.#motors[0]?.model.stateBlock;
    if (block === undefined) return false;
    const sentAtMs = this.#clock.nowMs();
    const replies = await this.#bus.syncRead(this.#ids, block.address, block.bytes, this.#isFast);
    const measuredAtMs = (sentAtMs + this.#clock.nowMs()) / 2;
    let isComplete = true;
    for (const [i, reply] of replies.entries()) {
      if (!(await this.#take(i, reply, measuredAtMs))) isComplete = false;
    }
    return isComplete;
  }

  /**
   * Hands every servo its goal, in one packet that nobody answers. Left out is a servo that has no torque, and one that did not answer
   * last: it may have been reset, and a goal would then switch it on with no limit to its speed.
   *
   * @param counts joint angles, µrad
   */
  async writeGoals(counts: ArrayLike<number>): Promise<void> {
    const driven = this.#motors.flatMap((motor, i) => {
      const { isCurrent = false, hasTorque } = this.readings[i] ?? {};
      return isCurrent && hasTorque !== false ? [{ motor, counts: counts[i] ?? 0 }] : [];
    });
    const register = this.#motors[0]?.model.registers.goalPosition;
    if (register === undefined || driven.length === 0) return;
    const data = new Uint8Array(driven.length * register.bytes);
    for (const [i, one] of driven.entries()) {
      writeRegister(register, one.motor.toSteps(one.counts), data, i * register.bytes);
    }
    const ids = driven.map(({ motor }) => motor.id);
    await this.#bus.syncWrite(ids, register.address, register.bytes, data);
  }

  /** What the servos drive to, µrad: the goal where torque is on, the measured position elsewhere. @throws {OmpError} LINK_TIMEOUT, LINK_CLOSED */
  async readCommand(): Promise<Int32Array> {
    const command = new Int32Array(this.#motors.length);
    for (const [i, motor] of this.#motors.entries()) {
      const { torqueEnable, goalPosition } = motor.model.registers;
      const hasTorque = (await this.#bus.readRegister(motor.id, torqueEnable)) === 1;
      const steps = hasTorque
        ? await this.#bus.readRegister(motor.id, goalPosition)
        : (this.readings[i]?.position ?? 0);
      command[i] = motor.toCounts(steps);
    }
    return command;
  }

  /**
   * Switches torque on where every joint is, so that nothing moves: limits first, then the measured position as goal, then torque. A
   * joint that holds already keeps its goal, or it would sag a little with every arming. When one servo refuses, those that had no torque before have none again.
   *
   * @param maxVelocities of the joints, rad/s; the servos themselves go half as fast again at most
   * @returns the goals, µrad
   * @throws {OmpError} LINK_TIMEOUT, LINK_REFUSED, LINK_CLOSED
   */
  async energize(maxVelocities: readonly number[]): Promise<Int32Array> {
    const goals = new Int32Array(this.#motors.length);
    this.#switchedOn = [];
    try {
      for (const [i, motor] of this.#motors.entries()) {
        const { registers } = motor.model;
        if (registers.busWatchdog !== undefined) {
          await this.#bus.writeRegister(motor.id, registers.busWatchdog, 0);
        }
        const hadTorque = (await this.#bus.readRegister(motor.id, registers.torqueEnable)) === 1;
        const steps = await this.#goalAt(motor, hadTorque);
        await this.#writeLimits(motor, maxVelocities[i] ?? 0);
        // Before the goal: writing it may switch torque on.
        if (!hadTorque) this.#switchedOn.push(motor);
        await this.#bus.writeRegister(motor.id, registers.goalPosition, steps);
        await this.#bus.writeRegister(motor.id, registers.torqueEnable, 1);
        goals[i] = motor.toCounts(steps);
        const reading = this.readings[i];
        if (reading?.hasTorque === false) reading.hasTorque = true;
      }
    } catch (error) {
      await this.undoEnergize();
      throw error;
    }
    return goals;
  }

  /** Takes torque from the servos that the last `energize` gave it to, as far as they answer. */
  async undoEnergize(): Promise<void> {
    await this.release(this.#switchedOn).catch(() => {});
  }

  /**
   * Switches torque off, of all servos even when one does not answer: the joints fall.
   *
   * @throws {OmpError} LINK_TIMEOUT, LINK_REFUSED, LINK_CLOSED of the first one that failed, after all have been tried
   */
  async release(motors: readonly CalibratedMotor[] = this.#motors): Promise<void> {
    const failures: unknown[] = [];
    for (const { id, model } of motors) {
      await this.#bus
        .writeRegister(id, model.registers.torqueEnable, 0)
        .catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Sets the servos' own watchdog where they have one.
   *
   * @param timeoutMs silence after which a servo stops by itself, rounded up to its unit; 0 switches it off
   * @throws {OmpError} LINK_TIMEOUT, LINK_REFUSED, LINK_CLOSED
   */
  async setBusWatchdog(timeoutMs: number): Promise<void> {
    const units = Math.min(maxBusWatchdog, Math.ceil(timeoutMs / busWatchdogUnitMs));
    for (const { id, model } of this.#motors) {
      const register = model.registers.busWatchdog;
      if (register !== undefined) await this.#bus.writeRegister(id, register, units);
    }
  }

  /** What the motor at `index` reports about itself, its hardware error register included. @throws {OmpError} LINK_TIMEOUT, LINK_CLOSED */
  async conditions(index: number): Promise<readonly ServoCondition[]> {
    const motor = this.#motors[index];
    const error = this.readings[index]?.error ?? 0;
    if (motor === undefined || !isCondition(motor, error)) return [];
    const { hardwareErrors } = motor.model.registers;
    if (hardwareErrors === undefined) return conditionsOf(motor.model, error);
    return conditionsOf(motor.model, await this.#bus.readRegister(motor.id, hardwareErrors));
  }

  /** The goal with which a joint does not move, steps. @throws {OmpError} LINK_REFUSED outside its range */
  async #goalAt(motor: CalibratedMotor, hasTorque: boolean): Promise<number> {
    const { presentPosition, goalPosition } = motor.model.registers;
    const position = await this.#bus.readRegister(motor.id, presentPosition);
    requireInRange(motor, position);
    if (!hasTorque) return position;
    const goal = await this.#bus.readRegister(motor.id, goalPosition);
    const isHeld = Math.abs(goal - position) * radPerStep(motor.model) <= maxSag;
    return isHeld && motor.isInRange(goal) ? goal : position;
  }

  async #writeLimits({ id, model }: CalibratedMotor, maxVelocity: number): Promise<void> {
    const { speedLimit, accelerationLimit } = model.registers;
    const counts = Math.ceil((maxVelocity * speedHeadroom) / (speedLimit.lsb?.value ?? 1));
    await this.#bus.writeRegister(id, accelerationLimit, model.noRamp);
    // 0 would mean as fast as it can.
    await this.#bus.writeRegister(id, speedLimit, Math.max(1, Math.min(counts, 32_767)));
  }

  async #take(
    index: number,
    reply: ServoReply | undefined,
    measuredAtMs: number,
  ): Promise<boolean> {
    const motor = this.#motors[index];
    const reading = this.readings[index];
    if (motor === undefined || reading === undefined) return false;
    reading.isCurrent = false;
    if (reply === undefined) return false;
    const { stateBlock, registers } = motor.model;
    const valueOf = (name: keyof typeof registers): number => {
      const register = registers[name];
      if (register === undefined) return 0;
      return readRegister(register, reply.data, register.address - stateBlock.address);
    };
    const position = valueOf("presentPosition");
    if (isJump(motor, reading, position, measuredAtMs)) {
      const again = await this.#bus
        .readRegister(motor.id, registers.presentPosition)
        .catch(() => Number.NaN);
      if (!(Math.abs(again - position) <= jumpSlackSteps)) {
        this.#bus.countImplausible();
        return false;
      }
    }
    reading.isCurrent = true;
    reading.measuredAtMs = measuredAtMs;
    reading.position = position;
    reading.velocity = valueOf("presentVelocity");
    reading.load = valueOf("presentLoad");
    reading.voltage = valueOf("presentVoltage") * (registers.presentVoltage.lsb?.value ?? 0);
    reading.temperature = valueOf("presentTemperature");
    reading.error = reply.error;
    reading.conditionCount = isCondition(motor, reply.error) ? reading.conditionCount + 1 : 0;
    const isTorqueInBlock = registers.torqueEnable.address >= stateBlock.address;
    reading.hasTorque = isTorqueInBlock ? valueOf("torqueEnable") === 1 : undefined;
    return true;
  }
}

function createReading(): ServoReading {
  return {
    measuredAtMs: Number.NEGATIVE_INFINITY,
    isCurrent: false,
    position: 0,
    velocity: 0,
    load: 0,
    voltage: 0,
    temperature: 0,
    error: 0,
    conditionCount: 0,
    hasTorque: undefined,
  };
}

/** @throws {OmpError} LINK_REFUSED */
export function requireInRange(motor: CalibratedMotor, steps: number): void {
  if (motor.isInRange(steps)) return;
  const { rangeMin, rangeMax } = motor.calibration;
  throw new OmpError("LINK_REFUSED", {
    what: `${motor.joint} (servo ${motor.id}) stands outside its calibrated range, so the arm is not armed`,
    observed: `${steps} steps`,
    expected: `${rangeMin} to ${rangeMax} steps`,
    next: "Move the joint back by hand with torque off, or calibrate again.",
  });
}

function isCondition({ model }: CalibratedMotor, error: number): boolean {
  if (model.registers.hardwareErrors !== undefined) return (error & hardwareAlertBit) !== 0;
  return conditionsOf(model, error).length > 0;
}

/** Whether the joint cannot have come from its last reading to `position`: the packet was damaged although its checksum fits. */
function isJump(
  { model }: CalibratedMotor,
  reading: Readonly<ServoReading>,
  position: number,
  atMs: number,
): boolean {
  const seconds = (atMs - reading.measuredAtMs) / 1000;
  const reach = (model.impossibleSpeed / radPerStep(model)) * seconds + jumpSlackSteps;
  return Math.abs(position - reading.position) > reach;
}

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";

import {
  calibrationText,
  homingOffsetAt,
  importLeRobotCalibration,
  so101Joints,
  so101MiddleAngles,
  storeCalibration,
  zeroPosition,
  type ArmCalibration,
  type MotorCalibration,
  type ServoBus,
} from "../../../firmware-bridge/src/servo/index.ts";
import { sleepUntil } from "../../src/clock.ts";
import { asOmpError, ErrorCode, OmpError } from "../../src/errors.ts";
import { parseCommand, type ParsedCommand } from "../command-options.ts";
import { motorOptionTypes, motorOptions, parseIds, type MotorOptions } from "./motor-options.ts";
import { motorPort, withBus, type MotorPort } from "./motor-port.ts";
import { confirm, type MotorsConsole, type MotorsContext } from "./motors-console.ts";
import { alignedLines, servoLines, surveyAll } from "./servo-table.ts";

const pollMs = 20;
/** Less than this between two ends is a joint that was not moved, steps. */
const leastRange = 100;

interface CalibrateOptions extends MotorOptions {
  readonly joints: readonly string[];
  readonly ids: readonly number[];
  readonly out: string;
}

type Surveys = Awaited<ReturnType<typeof surveyAll>>;

/** Finds the middle and the ends of every joint, keeps them in the servos and in a file. */
export async function calibrate(args: readonly string[], context: MotorsContext): Promise<number> {
  const { signal, console, clock } = context;
  const parsed = parseCommand(args, {
    ...motorOptionTypes,
    ids: { type: "string" },
    joints: { type: "string" },
    out: { type: "string" },
    import: { type: "string" },
    "drive-mode": { type: "string" },
  });
  const options = calibrateOptions(parsed);
  const port = motorPort(options, clock);
  const imported = parsed.text("import");
  return withBus(port, options, async (bus) => {
    const surveys = await surveyAll(bus, options.ids);
    for (const line of servoLines(surveys, options.joints)) console.print(line);
    const calibration =
      imported === undefined
        ? undefined
        : await importFile(imported, parsed, options, surveys[0]?.model.name ?? "");
    if (
      existsSync(options.out) &&
      !(await confirm(
        console,
        options.isYes,
        `${options.out} is there already. Replace it at the end?`,
      ))
    ) {
      console.print("nothing was changed");
      return signal.aborted ? 130 : 1;
    }
    if (!(await releaseForCalibration(bus, surveys, options, console)) || signal.aborted) {
      console.print("nothing was changed");
      return signal.aborted ? 130 : 1;
    }
    const made =
      calibration ?? (await calibrateByHand(bus, port, surveys, options, signal, console));
    if (made === undefined) {
      console.print("interrupted: homing offsets may be new, no file was written; calibrate again");
      return signal.aborted ? 130 : 1;
    }
    for (const [i, motor] of made.motors.entries()) {
      const { model } = surveys[i] ?? {};
      if (model === undefined) continue;
      const { homingOffset, rangeMin, rangeMax } = motor;
      const kept = { homingOffset, minPosition: rangeMin, maxPosition: rangeMax };
      await storeCalibration(bus, motor.id, model, limitsOf(options, kept));
    }
    await writeFile(options.out, calibrationText(made));
    for (const line of calibrationLines(made)) console.print(line);
    console.print(`wrote ${options.out}; torque is off`);
    return 0;
  });
}

function calibrateOptions(parsed: ParsedCommand): CalibrateOptions {
  const joints = parsed.text("joints")?.split(",") ?? so101Joints.map(({ name }) => name);
  const ids = parseIds(parsed.text("ids") ?? `1-${joints.length}`);
  if (joints.length !== ids.length || joints.some((name) => name === "")) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "--joints and --ids do not fit together",
      observed: `${joints.length} joints, ${ids.length} ids`,
      expected: "one joint name for each id, separated by commas",
    });
  }
  return { ...motorOptions(parsed), joints, ids, out: parsed.text("out") ?? "calibration.json" };
}

async function releaseForCalibration(
  bus: ServoBus,
  surveys: Surveys,
  { isYes }: CalibrateOptions,
  console: MotorsConsole,
): Promise<boolean> {
  const torque = surveys.some(({ hasTorque }) => hasTorque === true)
    ? "switches torque off (hold the arm, it falls) and "
    : "";
  const question = `Calibrating ${torque}writes offset and limits into the EEPROM of ${surveys.length} servos. Go on?`;
  if (!(await confirm(console, isYes, question))) return false;
  for (const { id, model } of surveys) {
    await bus.writeRegister(id, model.registers.torqueEnable, 0);
  }
  return true;
}

async function calibrateByHand(
  bus: ServoBus,
  port: MotorPort,
  surveys: Surveys,
  { joints, family }: CalibrateOptions,
  signal: AbortSignal,
  console: MotorsConsole,
): Promise<ArmCalibration | undefined> {
  const { hand } = port.simulated ?? {};
  if (hand !== undefined) console.print("(a simulated hand turns the joints)");
  hand?.toMiddle();
  const isMiddle = await console.ask(
    "Turn every joint to the middle of its range, then press Enter.",
  );
  if (isMiddle === undefined) return undefined;
  const offsets: number[] = [];
  for (const { id, model, homingOffset = 0, operatingMode = 0 } of surveys) {
    const position = await bus.readRegister(id, model.registers.presentPosition);
    offsets.push(homingOffsetAt(model, position, homingOffset, operatingMode));
  }
  for (const [i, { id, model }] of surveys.entries()) {
    await storeCalibration(bus, id, model, { homingOffset: offsets[i] ?? 0 });
  }
  hand?.sweep();
  const ranges = await recordRanges(bus, port, surveys, joints, signal, console);
  hand?.letGo();
  if (ranges === undefined) return undefined;
  const motors = surveys.map(({ id, model }, i): MotorCalibration => {
    const { min, max } = ranges[i] ?? { min: 0, max: 0 };
    const joint = joints[i] ?? "";
    const middleAngle = so101MiddleAngles[joint] ?? 0;
    return {
      joint,
      id,
      model: model.name,
      homingOffset: offsets[i] ?? 0,
      direction: 1,
      zeroPosition: zeroPosition(model.name, 1, (min + max) / 2, middleAngle),
      rangeMin: min,
      rangeMax: max,
    };
  });
  return { family, motors };
}

interface Range {
  min: number;
  max: number;
}

/** Follows every joint until Enter. @throws {OmpError} CALIBRATION_INVALID naming a joint that was not moved or turned past its 0 */
async function recordRanges(
  bus: ServoBus,
  { clock }: MotorPort,
  surveys: Surveys,
  joints: readonly string[],
  signal: AbortSignal,
  console: MotorsConsole,
): Promise<readonly Range[] | undefined> {
  const ranges = surveys.map((): Range => ({ min: Infinity, max: -Infinity }));
  const last: (number | undefined)[] = surveys.map(() => undefined);
  const wrapped = new Set<string>();
  const progress: { answer?: string | undefined; isOver: boolean } = { isOver: false };
  const answered = async (): Promise<void> => {
    progress.answer = await console.ask("Turn every joint from end to end, then press Enter.");
    progress.isOver = true;
  };
  const asked = answered();
  while (!progress.isOver && !signal.aborted) {
    for (const [i, { id, model }] of surveys.entries()) {
      const position = await bus.readRegister(id, model.registers.presentPosition);
      const range = ranges[i];
      if (range === undefined) continue;
      range.min = Math.min(range.min, position);
      range.max = Math.max(range.max, position);
      if (Math.abs(position - (last[i] ?? position)) > model.stepsPerTurn / 2) {
        wrapped.add(joints[i] ?? "");
      }
      last[i] = position;
    }
    console.status(ranges.map(({ min, max }, i) => `${joints[i]} ${min}…${max}`).join("  "));
    await sleepUntil(clock, clock.nowMs() + pollMs);
  }
  await asked;
  if (progress.answer === undefined) return undefined;
  const still = joints.filter((_, i) => {
    const { min, max } = ranges[i] ?? { min: 0, max: 0 };
    return !(max - min >= leastRange);
  });
  if (still.length === 0 && wrapped.size === 0) return ranges;
  throw new OmpError(ErrorCode.CalibrationInvalid, {
    what: "the ranges are not usable, and no file was written",
    observed: [
      ...still.map((joint) => `${joint} was hardly moved`),
      ...[...wrapped].map((joint) => `${joint} turned past the 0 of its servo`),
    ].join(", "),
    next: "Calibrate again; in the first step every joint must stand in the middle of its range.",
  });
}

async function importFile(
  path: string,
  parsed: ParsedCommand,
  { family, joints, ids }: CalibrateOptions,
  model: string,
): Promise<ArmCalibration> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw asOmpError(error, ErrorCode.CalibrationInvalid, `${path} cannot be read`);
  });
  const driveMode = parsed.choice("drive-mode", ["reverse", "ignore"]);
  const calibration = importLeRobotCalibration(text, path, {
    family,
    model,
    joints,
    middleAngles: so101MiddleAngles,
    ...(driveMode === undefined
      ? {}
      : { driveMode: driveMode === "reverse" ? "reverse" : "ignore" }),
  });
  const imported = calibration.motors.map(({ id }) => id).join(", ");
  if (imported === ids.join(", ")) return calibration;
  throw new OmpError(ErrorCode.CalibrationInvalid, {
    what: `${path} is of other servos`,
    observed: `ids ${imported}`,
    expected: `ids ${ids.join(", ")}`,
    next: "Name them with --ids and --joints.",
  });
}

/** A Dynamixel in extended position mode has no limit registers that count, and they cannot be negative. */
function limitsOf(
  { family }: CalibrateOptions,
  kept: {
    readonly homingOffset: number;
    readonly minPosition: number;
    readonly maxPosition: number;
  },
): { readonly homingOffset: number; readonly minPosition?: number; readonly maxPosition?: number } {
  return family === "feetech" ? kept : { homingOffset: kept.homingOffset };
}

function calibrationLines({ motors }: ArmCalibration): string[] {
  const heading = ["id", "joint", "range", "zero", "homing"];
  const rows = motors.map((motor) => [
    String(motor.id),
    motor.joint,
    `${motor.rangeMin}…${motor.rangeMax}`,
    motor.zeroPosition.toFixed(1),
    String(motor.homingOffset),
  ]);
  return alignedLines([heading, ...rows]);
}

import { readFile } from "node:fs/promises";

import {
  ServoLink,
  defaultMotionLimits,
  parseCalibration,
  type ArmCalibration,
} from "../../../firmware-bridge/src/servo/index.ts";
import { sleepUntil, type Clock } from "../../src/clock.ts";
import { ErrorCode, OmpError, asOmpError } from "../../src/errors.ts";
import { fillMinimumJerk } from "../../src/minimum-jerk.ts";
import { createJointState, createTrajectory, type Joint } from "../../src/types.ts";
import { parseCommand } from "../command-options.ts";
import { motorOptionTypes, motorOptions } from "./motor-options.ts";
import { motorPort, withBus, type MotorPort } from "./motor-port.ts";
import { confirm, type MotorsConsole, type MotorsContext } from "./motors-console.ts";
import { alignedLines, servoLines, surveyAll } from "./servo-table.ts";

const leaseMs = 500;
const heartbeatMs = 50;
const pollMs = 10;
const leadMs = 60;
const maxWaypoints = 60;
/** Slow enough to get a hand out of the way. */
const limits = {
  ...defaultMotionLimits,
  maxVelocity: 0.5,
  maxAcceleration: 2,
  followingError: 0.3,
};
const degree = Math.PI / 180;

interface JogSession {
  readonly link: ServoLink;
  readonly joints: readonly Joint[];
  readonly clock: Clock;
  readonly console: MotorsConsole;
  readonly signal: AbortSignal;
  readonly maxStepDegrees: number;
  /** Why the link stopped, once it has. */
  readonly stop: { reason: string };
}

/** Moves single joints by small steps, each typed by a person. */
export async function jog(args: readonly string[], context: MotorsContext): Promise<number> {
  const { signal, console, clock } = context;
  const parsed = parseCommand(args, {
    ...motorOptionTypes,
    calibration: { type: "string" },
    "max-step": { type: "string" },
    "at-end": { type: "string" },
  });
  const options = motorOptions(parsed);
  const maxStepDegrees = parsed.integer("max-step", 15, 1, 45);
  const isReleasedAtEnd = parsed.choice("at-end", ["hold", "release"]) === "release";
  const port = motorPort(options, clock);
  const calibration = await loadCalibration(parsed.text("calibration"), port);
  const names = calibration.motors.map(({ joint }) => joint);
  await withBus(port, { ...options, family: calibration.family }, async (bus) => {
    const surveys = await surveyAll(
      bus,
      calibration.motors.map(({ id }) => id),
    );
    for (const line of servoLines(surveys, names)) console.print(line);
  });
  const question = "Switch torque on and hold the arm where it stands?";
  if (!(await confirm(console, options.isYes, question))) {
    console.print("nothing was changed: torque is as it was");
    return signal.aborted ? 130 : 1;
  }
  const link = new ServoLink({
    clock,
    openTransport: port.openTransport,
    baudRate: options.baudRate,
    latencyMs: options.latencyMs,
    calibration,
    limits: Object.fromEntries(names.map((name) => [name, limits])),
    maxGapMs: 250,
  });
  const stop = { reason: "" };
  link.on("stateChanged", (state, detail) => {
    if (state !== "faulted" && state !== "closed") return;
    stop.reason = detail;
    if (state === "faulted") console.print(`the arm stopped and holds: ${detail}`);
  });
  const { joints } = await link.connect();
  const stopHeartbeat = startHeartbeat(link, clock);
  let isArmed = false;
  try {
    await link.arm(leaseMs);
    isArmed = true;
    console.print("torque is ON; the arm holds where it stands");
    await takeSteps({ link, joints, clock, console, signal, maxStepDegrees, stop });
  } finally {
    stopHeartbeat();
    if (isArmed) await end(link, console, isReleasedAtEnd);
    else console.print("torque is as it was");
    await link.close();
  }
  return signal.aborted ? 130 : 0;
}

function startHeartbeat(link: ServoLink, clock: Clock): () => void {
  let isOver = false;
  const beat = (): void => {
    if (isOver) return;
    link.heartbeat();
    clock.callAt(clock.nowMs() + heartbeatMs, beat);
  };
  beat();
  return () => {
    isOver = true;
  };
}

async function takeSteps(session: JogSession): Promise<void> {
  const { console, signal, maxStepDegrees, joints } = session;
  console.print(
    `type a joint and degrees, at most ${maxStepDegrees}, for example: ${joints[0]?.name} +5`,
  );
  console.print("show: where the joints are; an empty line ends");
  while (!signal.aborted) {
    const line = (await console.ask("jog>"))?.trim() ?? "";
    requireNoFault(session);
    if (line === "" || line === "quit") return;
    if (line === "show") {
      for (const text of jointLines(session)) console.print(text);
      continue;
    }
    const step = parseStep(line, session);
    if (typeof step === "string") console.print(step);
    else await move(session, step.index, step.radians);
  }
}

/** @returns why the line is no step, for a person, or the step */
function parseStep(
  line: string,
  { joints, maxStepDegrees, link }: JogSession,
): string | { readonly index: number; readonly radians: number } {
  const [, name = "", number = ""] = /^(\S+)\s+([+-]?\d+(?:\.\d+)?)$/.exec(line) ?? [];
  const index = joints.findIndex((joint) => joint.name === name);
  const joint = joints[index];
  if (joint === undefined) {
    return `not understood; joints: ${joints.map((one) => one.name).join(", ")}`;
  }
  const degrees = Number(number);
  if (Math.abs(degrees) > maxStepDegrees) {
    return `at most ${maxStepDegrees} degrees at once (--max-step)`;
  }
  const radians = degrees * degree;
  const state = createJointState(joints.length);
  link.readJointState(state);
  const target = (state.command[index] ?? 0) + radians;
  if (target >= joint.minPosition && target <= joint.maxPosition) return { index, radians };
  const from = (joint.minPosition / degree).toFixed(1);
  return `${name} goes from ${from} to ${(joint.maxPosition / degree).toFixed(1)} degrees`;
}

async function move(session: JogSession, index: number, radians: number): Promise<void> {
  const { link, joints, clock, console, signal } = session;
  const state = createJointState(joints.length);
  link.readJointState(state);
  const target = state.command.slice();
  target[index] = (target[index] ?? 0) + radians;
  const trajectory = createTrajectory(maxWaypoints, joints.length);
  fillMinimumJerk(trajectory, joints, state.command, target, 1, maxWaypoints);
  trajectory.id = 1;
  trajectory.startAtMs = clock.nowMs() + leadMs + trajectory.dtMs;
  const outcome: { verdict?: string } = {};
  const unsubscribe = link.on("trajectoryDecided", (_, verdict) => {
    outcome.verdict = verdict;
  });
  if (!link.send(trajectory)) outcome.verdict = "not armed";
  while (outcome.verdict === undefined || link.state === "moving") {
    if (signal.aborted) link.hold();
    await sleepUntil(clock, clock.nowMs() + pollMs);
  }
  unsubscribe();
  requireNoFault(session);
  if (outcome.verdict !== "accepted") console.print(`the step was refused: ${outcome.verdict}`);
  // What the servo lags behind.
  await sleepUntil(clock, clock.nowMs() + 200);
  link.readJointState(state);
  const text = ((state.position[index] ?? 0) / degree).toFixed(1);
  console.print(`${joints[index]?.name} is at ${text} degrees`);
}

function jointLines({ link, joints }: JogSession): string[] {
  const state = createJointState(joints.length);
  link.readJointState(state);
  const rows = joints.map(({ name, minPosition, maxPosition }, i) => [
    name,
    ((state.position[i] ?? 0) / degree).toFixed(1),
    `of ${(minPosition / degree).toFixed(1)} … ${(maxPosition / degree).toFixed(1)} degrees`,
  ]);
  return alignedLines(rows);
}

/** Says what was done to the arm, which is what somebody beside it needs to know. */
async function end(link: ServoLink, console: MotorsConsole, isReleased: boolean): Promise<void> {
  link.hold();
  try {
    await link.disarm();
    if (isReleased) {
      await link.release();
      console.print("stopped; torque is OFF: the arm holds no more");
    } else if (link.state === "closed") {
      console.print("the bus is gone: the servos hold their last goal as long as they have power");
    } else {
      console.print("stopped; torque stays ON: the arm holds. `omp motors release` lets it go");
    }
  } catch (error) {
    const { message } = asOmpError(error, ErrorCode.Internal, "the end of the jog");
    console.print(`torque may still be ON: ${message}`);
  }
}

function requireNoFault({ link, stop }: JogSession): void {
  if (link.state !== "faulted" && link.state !== "closed") return;
  throw new OmpError(ErrorCode.LinkRefused, {
    what: "the arm stopped",
    observed: stop.reason,
    next: "The arm holds. Free the joint or mend the cable, then start again.",
  });
}

async function loadCalibration(
  path: string | undefined,
  { simulated }: MotorPort,
): Promise<ArmCalibration> {
  if (path !== undefined) {
    const text = await readFile(path, "utf8").catch((error: unknown) => {
      throw asOmpError(error, ErrorCode.CalibrationInvalid, `${path} cannot be read`);
    });
    return parseCalibration(text, path);
  }
  if (simulated !== undefined) return simulated.calibration;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "--calibration is missing: without one no angle is known",
    next: "Make one with `omp motors calibrate`.",
  });
}

import type { LinkDescription } from "../../../sdk/src/actuator-link.ts";
import type { Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import type { Joint } from "../../../sdk/src/types.ts";
import { fromCounts, toCounts } from "../protocol/units.ts";
import type { Transport } from "../transport/transport.ts";
import { calibratedMotors, type CalibratedMotor } from "./calibration.ts";
import { HostController, type HostJoint } from "./host-controller.ts";
import type { ServoBusCounters } from "./servo-bus-counters.ts";
import { ServoBus } from "./servo-bus.ts";
import { ServoGroup } from "./servo-group.ts";
import { identifyServo } from "./servo-identity.ts";
import { defaultMotionLimits, type ServoLinkOptions } from "./servo-link-options.ts";
import { ServoSupervision } from "./servo-supervision.ts";

/** Waypoints the host holds for an arm. */
const ringDepth = 256;
/** A timer of the host may be late by as much. */
const minLeadMs = 5;
const minLeadTicks = 2;
const maxLeadTicks = 2000;
/** What a cycle's packets may take of it; the rest is the servos' and the adapter's. */
const maxBusShare = 0.8;

/** An arm's servos with their limits, as the link knows them before it is connected. */
export interface ArmSpec {
  readonly motors: readonly CalibratedMotor[];
  readonly joints: readonly Joint[];
  readonly hostJoints: readonly HostJoint[];
  /** µrad; 0 where it is not watched. */
  readonly followingErrors: readonly number[];
}

/** What exists while there is a bus. */
export interface ServoConnection {
  readonly bus: ServoBus;
  readonly group: ServoGroup;
  readonly supervision: ServoSupervision;
  readonly controller: HostController;
  readonly description: LinkDescription;
}

/** @throws {OmpError} CALIBRATION_INVALID, INVALID_ARGUMENT */
export function armSpec({ calibration, limits = {} }: ServoLinkOptions): ArmSpec {
  const motors = calibratedMotors(calibration);
  for (const name of Object.keys(limits)) {
    if (motors.some(({ joint }) => joint === name)) continue;
    throw new OmpError("INVALID_ARGUMENT", {
      what: `limits names a joint that is not calibrated: ${name}`,
      expected: motors.map(({ joint }) => joint).join(", "),
    });
  }
  const resolved = motors.map(({ joint }) => ({ ...defaultMotionLimits, ...limits[joint] }));
  for (const [i, { maxVelocity, maxAcceleration, followingError }] of resolved.entries()) {
    const isUsable = [maxVelocity, maxAcceleration].every((limit) => limit >= 1e-3 && limit < 1e3);
    if (isUsable && followingError >= 0 && followingError < 1e3) continue;
    throw new OmpError("INVALID_ARGUMENT", {
      what: `the limits of ${motors[i]?.joint} are out of range`,
      observed: JSON.stringify(resolved[i]),
      expected: "maxVelocity and maxAcceleration from 0.001 to 1000, followingError not negative",
    });
  }
  return {
    motors,
    joints: motors.map(({ joint, minCounts, maxCounts }, i) => ({
      name: joint,
      kind: "revolute",
      minPosition: fromCounts(minCounts),
      maxPosition: fromCounts(maxCounts),
      maxVelocity: resolved[i]?.maxVelocity ?? 0,
      maxAcceleration: resolved[i]?.maxAcceleration ?? 0,
    })),
    hostJoints: motors.map(({ minCounts, maxCounts }, i) => ({
      minPosition: minCounts,
      maxPosition: maxCounts,
      maxVelocity: toCounts(resolved[i]?.maxVelocity ?? 0),
      maxAcceleration: toCounts(resolved[i]?.maxAcceleration ?? 0),
    })),
    followingErrors: resolved.map(({ followingError }) => toCounts(followingError)),
  };
}

/**
 * Finds every servo of the arm on the bus and reads where it stands. Moves nothing and leaves torque as it is.
 *
 * @throws {OmpError} LINK_TIMEOUT, LINK_MISMATCH, LINK_CLOSED, CALIBRATION_INVALID, INVALID_ARGUMENT when the bus is too slow
 */
export async function connectServos(
  transport: Transport,
  arm: ArmSpec,
  options: ServoLinkOptions,
  counters: ServoBusCounters,
): Promise<ServoConnection> {
  const { clock, cycleMs = 10, baudRate = 1_000_000, latencyMs = 20, hasEcho } = options;
  const { motors } = arm;
  const format = motors[0]?.model.format;
  if (format === undefined) throw new OmpError("INTERNAL", { what: "an arm without motors" });
  const bus = new ServoBus({
    transport,
    clock,
    format,
    baudRate,
    latencyMs,
    counters,
    hasEcho: hasEcho ?? false,
  });
  requireFastEnough(bus, motors, cycleMs, baudRate);
  if (hasEcho === undefined) await bus.detectEcho();
  const firmware = new Set<string>();
  for (const motor of motors) firmware.add(await identifyServo(bus, motor));
  const group = new ServoGroup(bus, clock, motors, options.isFastSyncRead ?? false);
  if (!(await group.read())) await requireAll(group, motors);
  const command = await group.readCommand();
  const controller = new HostController(
    {
      joints: arm.hostJoints,
      minLeadTicks,
      maxLeadTicks,
      ringDepth,
      maxGapTicks: options.maxGapMs ?? 100,
    },
    hostTick(clock),
    command,
  );
  const supervision = new ServoSupervision(group, motors, arm.followingErrors);
  const description = {
    name: `${format.family} servos on ${transport.name}`,
    joints: arm.joints,
    firmware: [...firmware].join(", "),
    minLeadMs,
    maxWaypoints: ringDepth,
  };
  return { bus, group, supervision, controller, description };
}

/** The host's clock as ticks of a {@link HostController}. */
export function hostTick(clock: Clock): number {
  return Math.floor(clock.nowMs());
}

function requireFastEnough(
  bus: ServoBus,
  motors: readonly CalibratedMotor[],
  cycleMs: number,
  baudRate: number,
): void {
  const { stateBlock, registers } = motors[0]?.model ?? {};
  const busyMs = bus.cycleMs(
    motors.length,
    registers?.goalPosition.bytes ?? 0,
    stateBlock?.bytes ?? 0,
  );
  if (cycleMs >= 5 && cycleMs <= 100 && busyMs <= maxBusShare * cycleMs) return;
  throw new OmpError("INVALID_ARGUMENT", {
    what: `cycleMs does not fit ${motors.length} servos at ${baudRate} Bd`,
    observed: `${cycleMs} ms`,
    expected: `${Math.max(5, Math.ceil(busyMs / maxBusShare))} to 100 ms`,
    next: "Choose a longer cycle or a higher baud rate.",
  });
}

/** A first reading may be unlucky; a second one says which servo it is. */
async function requireAll(group: ServoGroup, motors: readonly CalibratedMotor[]): Promise<void> {
  if (await group.read()) return;
  const silent = motors.filter((_, i) => group.readings[i]?.measuredAtMs === -Infinity);
  throw new OmpError("LINK_TIMEOUT", {
    what: "not every servo told its state",
    observed: `no answer from ${silent.map(({ id, joint }) => `${id} (${joint})`).join(", ")}`,
    next: "Check the cable behind the last servo that answers.",
  });
}

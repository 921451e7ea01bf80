import {
  type CommandRequest,
  type CommandResult,
  FleetOperator,
} from "../../../firmware-bridge/src/fleet/index.ts";
import { asOmpError, ErrorCode } from "../../src/errors.ts";
import { type ParsedCommand, parseCommand } from "../command-options.ts";
import { brokerOptions, brokerOptionTypes } from "./broker-options.ts";
import { printable } from "../watch-table.ts";
import type { FleetJob } from "./fleet-job.ts";

/** A robot that is online is heard within a second. */
const discoveryMs = 3000;

const rateTypes = { "state-hz": { type: "string" }, "metrics-ms": { type: "string" } } as const;

export const stop: FleetJob = {
  usage: `  stop ROBOT...      emergency stop, latched; always allowed; ROBOT "all" means every robot that is seen`,
  run: (args) => sendToAll(args, {}, () => ({ kind: "stop", arguments: {} })),
};

export const hold: FleetJob = {
  usage: `  hold ROBOT...      keep still and stop asking the policy`,
  run: (args) => sendToAll(args, {}, () => ({ kind: "hold", arguments: {} })),
};

export const rearm: FleetJob = {
  usage: `  rearm ROBOT...     leave a fault or a hold: the arm may move; only where the robot allows it`,
  run: (args) => sendToAll(args, {}, () => ({ kind: "rearm", arguments: {} })),
};

export const rate: FleetJob = {
  usage: `  rate ROBOT...      change telemetry rates: --state-hz 1..50 (10), --metrics-ms 100..3600000 (1000)`,
  run: (args) =>
    sendToAll(args, rateTypes, (options) => ({
      kind: "set_rate",
      arguments: {
        stateHz: options.integer("state-hz", 10, 1, 50),
        metricsPeriodMs: options.integer("metrics-ms", 1000, 100, 3_600_000),
      },
    })),
};

async function sendToAll(
  args: readonly string[],
  types: Parameters<typeof parseCommand>[1],
  request: (options: ParsedCommand) => CommandRequest,
): Promise<number> {
  const options = parseCommand(args, { ...brokerOptionTypes, ...types }, ["ROBOT..."]);
  const named = options.operands;
  const wanted = request(options);
  const operator = await FleetOperator.connect({ ...brokerOptions(options), issuer: "omp-cli" });
  try {
    const robots = await discover(operator, named, wanted.kind === "stop");
    const answers = await Promise.all(robots.map((robot) => ask(operator, robot, wanted)));
    for (const { line } of answers) console.log(line);
    return answers.length > 0 && answers.every(({ isDone }) => isDone) ? 0 : 1;
  } finally {
    await operator.close();
  }
}

/** Waits until every named robot was heard. A stop waits for none of them: it needs to know nothing. */
async function discover(
  operator: FleetOperator,
  named: readonly string[],
  isUrgent: boolean,
): Promise<readonly string[]> {
  const isAll = named.includes("all");
  if (isUrgent && !isAll) return named;
  const seen = (): readonly string[] => operator.watch.robots().map(({ robotId }) => robotId);
  for (let waitedMs = 0; waitedMs < discoveryMs; waitedMs += 50) {
    if (
      isAll ? waitedMs >= 500 && seen().length > 0 : named.every((one) => isHeard(operator, one))
    ) {
      break;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  return isAll ? seen() : named;
}

function isHeard(operator: FleetOperator, robotId: string): boolean {
  const robot = operator.watch.robot(robotId);
  return robot?.birth !== undefined && robot.heartbeat !== undefined;
}

async function ask(
  operator: FleetOperator,
  robot: string,
  request: CommandRequest,
): Promise<{ readonly line: string; readonly isDone: boolean }> {
  let result: CommandResult;
  try {
    result = await operator.send(robot, request);
  } catch (error) {
    const { message } = asOmpError(error, ErrorCode.Internal, "the command failed");
    return { line: `${robot}  ${message}`, isDone: false };
  }
  const parts = [robot, request.kind, result.outcome, result.reason, printable(result.detail)];
  return {
    line: parts.filter((part) => part !== "").join("  "),
    isDone: result.outcome === "done",
  };
}

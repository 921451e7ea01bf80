import { FleetWatch, type RobotRecord } from "../../../firmware-bridge/src/fleet/index.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";
import { brokerOptions, brokerOptionTypes, defaultBrokerUrl } from "../fleet/broker-options.ts";
import { fleetLines, robotJson } from "../watch-table.ts";

const redrawMs = 500;
/** Where there is no terminal to redraw, one table each of these. */
const plainMs = 2000;
/** `--once` gives up on what has not arrived by then: five heartbeats. */
const onceBoundMs = 5000;
/** Retained births follow the subscription; a broker on a slow line gets this long to send the first. */
const settleMs = 500;

export const watch: Command = {
  summary: "show the robots of a broker live",
  usage: `usage: omp watch [options]

Shows every robot that reports to an MQTT broker: status, loop state, successes, latencies, frames, faults and the age of the
last heartbeat. What the columns mean is in firmware-bridge/FLEET.md.

  --broker URL  default ${defaultBrokerUrl}, where \`npm start\` listens when the port is free
  --credentials DIR  folder with ca.crt, client.crt and client.key, as \`omp fleet add\` writes it
  --robot ID    only this robot
  --once        print one full picture and exit; exit code 1 when no robot is seen within ${onceBoundMs / 1000} s
  --json        one JSON array of robots instead of a table, one line each time`,

  async run(args, signal) {
    const options = parseCommand(args, {
      ...brokerOptionTypes,
      robot: { type: "string" },
      once: { type: "boolean" },
      json: { type: "boolean" },
    });
    const { brokerUrl: broker, credentials } = brokerOptions(options);
    const robot = options.text("robot");
    const json = options.flag("json");
    const fleet = await FleetWatch.connect({
      brokerUrl: broker,
      ...(credentials && { credentials }),
      ...(robot !== undefined && { robotId: robot }),
    });
    try {
      if (options.flag("once")) return await showOnce(fleet, json, missing(broker, robot), signal);
      return await showLive(fleet, json, broker, signal);
    } finally {
      await fleet.close();
    }
  },
};

async function showOnce(
  fleet: FleetWatch,
  json: boolean,
  missingText: string,
  signal: AbortSignal,
): Promise<number> {
  await pause(settleMs, signal);
  for (let waitedMs = settleMs; waitedMs < onceBoundMs && !signal.aborted; waitedMs += 100) {
    const robots = fleet.robots();
    if (robots.length > 0 && robots.every(isComplete)) break;
    await pause(100, signal);
  }
  if (signal.aborted) return 130;
  const robots = fleet.robots();
  if (robots.length === 0) {
    console.error(missingText);
    return 1;
  }
  console.log(picture(robots, json).join("\n"));
  return 0;
}

async function showLive(
  fleet: FleetWatch,
  json: boolean,
  broker: string,
  signal: AbortSignal,
): Promise<number> {
  const isLive = process.stdout.isTTY && !json;
  const screen = new Screen(process.stdout);
  if (isLive) console.log(`watching ${broker} · Ctrl-C ends\n`);
  while (!signal.aborted) {
    const robots = fleet.robots();
    const lines = robots.length === 0 && !json ? ["no robot yet"] : picture(robots, json);
    if (!fleet.isConnected && !json) lines.push("the broker is gone; trying again");
    if (isLive) screen.draw(lines);
    else console.log(lines.join("\n"));
    await pause(isLive ? redrawMs : plainMs, signal);
  }
  return 130;
}

/** Text that is drawn over itself. */
class Screen {
  readonly #out: NodeJS.WriteStream;
  #drawnLines = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  draw(lines: readonly string[]): void {
    // A pseudo-terminal that nobody sized says 0.
    const width = (this.#out.columns || 80) - 1;
    const height = Math.max(2, (this.#out.rows || 24) - 3);
    const shown = lines.slice(0, height).map((line) => line.slice(0, width));
    if (this.#drawnLines > 0) this.#out.write(`\u001b[${this.#drawnLines}F\u001b[0J`);
    this.#out.write(`${shown.join("\n")}\n`);
    this.#drawnLines = shown.length;
  }
}

/** Everything a robot says about itself has arrived, or it is gone and will say no more. */
function isComplete({ status, heartbeat, state, metrics }: RobotRecord): boolean {
  return (
    status === "offline" ||
    (heartbeat !== undefined && state !== undefined && metrics !== undefined)
  );
}

function picture(robots: readonly RobotRecord[], json: boolean): string[] {
  return json ? [JSON.stringify(robots.map(robotJson))] : fleetLines(robots);
}

function missing(broker: string, robot: string | undefined): string {
  const who = robot === undefined ? "no robot" : `no robot ${robot}`;
  return (
    `omp watch: ${who} was seen at ${broker} within ${onceBoundMs / 1000} s. ` +
    "Start one (`npm start`), or name its broker with --broker URL."
  );
}

/** Returns early when `signal` is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

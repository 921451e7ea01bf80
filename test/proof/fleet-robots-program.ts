import { rmSync } from "node:fs";
import { join } from "node:path";

import { RobotTelemetry } from "../../firmware-bridge/src/fleet/index.ts";
import { birth } from "../fleet/fleet-fixture.ts";

/** What the parent asks for. */
export type RobotsOrder =
  | { readonly do: "start"; readonly brokerUrl: string; readonly groups: readonly RobotGroup[] }
  | { readonly do: "events"; readonly periodMs: number }
  | { readonly do: "quiet" }
  | { readonly do: "close" };

export interface RobotGroup {
  readonly prefix: string;
  readonly count: number;
  readonly stateHz: number;
  /** Left out: events wait in memory. */
  readonly storeFolder?: string;
}

/** The answer to every order. */
export interface RobotsReport {
  readonly acknowledged: number;
  readonly events: number;
  readonly eventsDropped: number;
  readonly pending: number;
  readonly statesDropped: number;
  readonly connected: number;
}

const robots: RobotTelemetry[] = [];
let events = 0;
let telling: NodeJS.Timeout | undefined;
let moving: NodeJS.Timeout | undefined;

async function obey(order: RobotsOrder): Promise<void> {
  switch (order.do) {
    case "start":
      for (const group of order.groups) await start(order.brokerUrl, group);
      moving = setInterval(move, 100);
      break;
    case "events":
      tell(order.periodMs);
      break;
    case "quiet":
      clearInterval(telling);
      break;
    case "close":
      clearInterval(moving);
      clearInterval(telling);
      await Promise.all(robots.map((robot) => robot.close(20_000)));
      break;
  }
}

async function start(brokerUrl: string, group: RobotGroup): Promise<void> {
  const { prefix, count, stateHz, storeFolder } = group;
  if (storeFolder !== undefined) rmSync(storeFolder, { recursive: true, force: true });
  for (let i = 0; i < count; i += 25) {
    const size = Math.min(25, count - i);
    const batch = Array.from({ length: size }, (_, k) =>
      RobotTelemetry.connect({
        brokerUrl,
        robotId: `${prefix}-${i + k}`,
        birth,
        stateHz,
        connectTimeoutMs: 30_000,
        board: () => ({ boardTemperatureC: {}, throttledBy: "" }),
        ...(storeFolder !== undefined && {
          store: { folder: join(storeFolder, String(i + k)), maxBytes: 2 ** 20 },
        }),
      }),
    );
    robots.push(...(await Promise.all(batch)));
  }
}

let ticks = 0;

/** A tenth of a second of every robot's life; a slow one says nothing new most of the time. */
function move(): void {
  ticks += 1;
  for (const robot of robots) {
    robot.heartbeat();
    robot.state("running", [Math.sin(ticks / 10), 0.1]);
  }
}

/** Every robot tells an event in a period, spread evenly. */
function tell(periodMs: number): void {
  let next = 0;
  const stepMs = 50;
  const perStep = (robots.length * stepMs) / periodMs;
  let due = 0;
  telling = setInterval(() => {
    for (due += perStep; due >= 1; due -= 1) {
      robots[next % robots.length]?.event("proof", { number: events });
      next += 1;
      events += 1;
    }
  }, stepMs);
}

function sum(count: (robot: RobotTelemetry) => number): number {
  return robots.reduce((total, robot) => total + count(robot), 0);
}

function report(): RobotsReport {
  return {
    acknowledged: sum((robot) => robot.acknowledged),
    events,
    eventsDropped: sum((robot) => robot.counters.eventsDropped),
    pending: sum((robot) => robot.pendingRecords),
    statesDropped: sum((robot) => robot.counters.statesDropped),
    connected: sum((robot) => Number(robot.isConnected)),
  };
}

process.on("message", (message: { readonly order?: RobotsOrder }) => {
  void (message.order === undefined ? Promise.resolve() : obey(message.order)).then(() =>
    process.send?.(report()),
  );
});

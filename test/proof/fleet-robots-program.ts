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
const periodsMs: number[] = [];
const movesAtMs: number[] = [];
let events = 0;
let telling: NodeJS.Timeout | undefined;
let moving: NodeJS.Timeout | undefined;

async function obey(order: RobotsOrder): Promise<void> {
  switch (order.do) {
    case "start":
      for (const group of order.groups) await start(order.brokerUrl, group);
      moving = setInterval(move, 50);
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
    periodsMs.push(...batch.map(() => 1000 / stateHz));
  }
}

/** Every robot says once in its period that it moved. */
function move(): void {
  const nowMs = performance.now();
  for (const [i, robot] of robots.entries()) {
    if (nowMs < (movesAtMs[i] ?? 0)) continue;
    movesAtMs[i] = nowMs + (periodsMs[i] ?? 1000);
    robot.heartbeat();
    robot.state("running", [Math.sin(nowMs / 1000), 0.1]);
  }
}

/** Every robot tells an event in a period, spread evenly. */
function tell(periodMs: number): void {
  const startMs = performance.now();
  let told = 0;
  telling = setInterval(() => {
    const due = ((performance.now() - startMs) * robots.length) / periodMs;
    for (; told < due; told += 1) {
      robots[told % robots.length]?.event("proof", { number: events });
      events += 1;
    }
  }, 50);
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

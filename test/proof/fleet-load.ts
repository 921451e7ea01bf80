import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { connectAsync, type MqttClient } from "mqtt";

import {
  FleetTable,
  fleetTopicKinds,
  parseFleetMessage,
} from "../../firmware-bridge/src/fleet/index.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { repositoryPath } from "../support/repository.ts";
import type { Figures } from "./measurement.ts";
import type { RobotGroup, RobotsOrder, RobotsReport } from "./fleet-robots-program.ts";

export interface LoadOptions {
  readonly slowRobots: number;
  readonly fastRobots: number;
  readonly steadyMs: number;
  readonly outageMs: number;
  readonly eventPeriodMs: number;
}

const clocksPerSecond = 100;

/** A fleet against one Mosquitto: a steady time in which everything is counted, then a crash of the broker. */
export async function measureLoad(
  options: LoadOptions,
  say: (line: string) => void,
): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), "omp-load-"));
  const broker = await Mosquitto.startOpen([
    "persistence true",
    `persistence_location ${folder}/`,
    "autosave_interval 5",
    "max_inflight_messages 1000",
    "max_queued_messages 1000000",
    "log_type error",
  ]);
  const listener = new Listener();
  const groups: readonly RobotGroup[] = [
    { prefix: "slow", count: options.slowRobots, stateHz: 1 },
    { prefix: "fast", count: options.fastRobots, stateHz: 10, storeFolder: join(folder, "stores") },
  ];
  const robots = options.slowRobots + options.fastRobots;
  try {
    await listener.start(broker.url);
    say(`${robots} robots connect`);
    const steady = await Robots.start(broker.url, groups);
    const before = await steady.order({ do: "events", periodMs: options.eventPeriodMs });
    const cpuBefore = cpuSeconds(broker.pid);
    const startedAt = performance.now();
    await sleep(options.steadyMs);
    await steady.order({ do: "quiet" });
    const after = await steady.report();
    const steadySeconds = (performance.now() - startedAt) / 1000;
    const cpu = (cpuSeconds(broker.pid) - cpuBefore) / steadySeconds;
    const rate = (after.acknowledged - before.acknowledged) / steadySeconds;
    await steady.drain(robots);
    const last = await steady.order({ do: "close" });
    await steady.end();
    await listener.settle();
    const { received, events: steadyEvents, copies: duplicated } = listener;
    const lost =
      Math.max(0, last.acknowledged - received) + listener.gaps + last.events - steadyEvents;
    say(`${last.acknowledged} acknowledged, ${received} received, ${rate.toFixed(0)} a second`);

    const outage = await Robots.start(broker.url, groups);
    await outage.order({ do: "events", periodMs: options.eventPeriodMs });
    // The broker must have saved the listener's session once.
    await sleep(15_000);
    say(`the broker is killed for ${options.outageMs / 1000} s`);
    const rssBytes = residentBytes(broker.pid);
    await broker.kill();
    await sleep(options.outageMs);
    await broker.run();
    const { pending } = await outage.order({ do: "quiet" });
    say(`the broker is back; ${pending} events wait`);
    const due = (await outage.report()).events;
    const limit = performance.now() + 300_000;
    while (listener.events - steadyEvents < due && performance.now() < limit) await sleep(200);
    const waiting = await outage.report();
    if (waiting.eventsDropped > 0) say(`${waiting.eventsDropped} records fell out of the queues`);
    const told = await outage.order({ do: "close" });
    await outage.end();
    await listener.settle();
    const arrived = listener.events - steadyEvents;
    const copies = listener.eventCopies;
    say(`${told.events} events told, ${arrived} arrived once, ${copies} copies told by id`);
    return {
      robots,
      messages_sent: last.acknowledged,
      messages_lost: lost,
      messages_duplicated: duplicated,
      messages_per_second: Math.round(rate),
      states_joined: last.statesDropped,
      broker_cpu_share: Math.round(cpu * 1000) / 1000,
      broker_rss_mib: Math.round(rssBytes / 2 ** 20),
      outage_s: options.outageMs / 1000,
      outage_events: told.events,
      outage_events_lost: told.events - arrived,
      outage_events_copies: copies,
    };
  } finally {
    await listener.stop();
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The robots, in a process of their own. */
class Robots {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(brokerUrl: string, groups: readonly RobotGroup[]): Promise<Robots> {
    const program = repositoryPath("dist", "test", "proof", "fleet-robots-program.js");
    const robots = new Robots(fork(program));
    await robots.order({ do: "start", brokerUrl, groups });
    return robots;
  }

  report(): Promise<RobotsReport> {
    return this.#ask({});
  }

  order(order: RobotsOrder): Promise<RobotsReport> {
    return this.#ask({ order });
  }

  /** Resolves when all are connected and nothing of theirs waits, or after three minutes. */
  async drain(count: number): Promise<void> {
    const limit = performance.now() + 180_000;
    while (performance.now() < limit) {
      const { pending, connected } = await this.report();
      if (pending === 0 && connected === count) return;
      await sleep(500);
    }
  }

  async end(): Promise<void> {
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exited;
  }

  async #ask(message: { readonly order?: RobotsOrder }): Promise<RobotsReport> {
    const answer = once(this.#process, "message");
    this.#process.send(message);
    const report: RobotsReport = (await answer)[0];
    return report;
  }
}

/** A collector with a session that the broker keeps, which counts everything by its id. */
class Listener {
  received = 0;
  /** Of the steady time: messages that came again. */
  copies = 0;
  /** Events that were new. */
  events = 0;
  eventCopies = 0;
  readonly #table = new FleetTable({ maxRobots: 100_000 });
  /** By session and birth, of heartbeats: how many came, the highest number. */
  readonly #heartbeats = new Map<string, { count: number; highest: number }>();
  #client: MqttClient | undefined;
  #heardAt = 0;

  async start(brokerUrl: string): Promise<void> {
    this.#client = await connectAsync(brokerUrl, {
      clientId: "omp-proof-collector",
      clean: false,
      reconnectPeriod: 500,
    });
    this.#client.on("message", (topic, payload, { retain }) => {
      this.#receive(topic, payload, retain);
    });
    this.#client.on("error", () => {});
    const topics = fleetTopicKinds.map((kind) => `omp/v1/+/${kind}`);
    await this.#client.subscribeAsync(topics, { qos: 1 });
  }

  /** Heartbeats that are missing between the first and the last of a connection. */
  get gaps(): number {
    return [...this.#heartbeats.values()].reduce(
      (sum, { count, highest }) => sum + Math.max(0, highest - count),
      0,
    );
  }

  /** Resolves when nothing came for two seconds. */
  async settle(): Promise<void> {
    this.#heardAt = performance.now();
    while (performance.now() - this.#heardAt < 2000) await sleep(100);
  }

  async stop(): Promise<void> {
    await this.#client?.endAsync(true);
  }

  #receive(topic: string, payload: Buffer, isRetained: boolean): void {
    if (isRetained) return;
    this.#heardAt = performance.now();
    this.received += 1;
    const message = parseFleetMessage(topic, payload);
    if (message.kind === "malformed") return;
    const isNew = this.#table.accept(message, performance.now());
    if (message.kind === "event") {
      if (isNew) this.events += 1;
      else {
        this.eventCopies += 1;
        this.copies += 1;
      }
    }
    if (message.kind === "heartbeat") {
      const { sessionId, birthSequence, sequence } = message.body;
      const key = `${sessionId} ${birthSequence}`;
      const seen = this.#heartbeats.get(key) ?? { count: 0, highest: 0 };
      if (sequence <= seen.highest) this.copies += 1;
      else seen.count += 1;
      seen.highest = Math.max(seen.highest, sequence);
      this.#heartbeats.set(key, seen);
    }
  }
}

/** User and system time of a process, s. */
function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / clocksPerSecond;
}

/** The most memory a process ever had. */
function residentBytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
}

import { execFile } from "node:child_process";
import { connect as connectSocket, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";

import {
  type BirthInfo,
  type FleetMessage,
  FleetWatch,
  type FleetWatchOptions,
  type MalformedMessage,
  type RobotMetrics,
  RobotTelemetry,
  type RobotTelemetryOptions,
  type RobotVitals,
} from "../../firmware-bridge/src/fleet/index.ts";
import { repositoryPath } from "../support/repository.ts";
import { EmbeddedBroker, type EmbeddedBrokerOptions } from "../../sdk/cli/embedded-broker.ts";

export const birth: BirthInfo = {
  software: "omp-edge test",
  model: "so101",
  bundleId: "so101-push",
  bundleHash: "5e".repeat(32),
  provider: "cpu",
  link: "loopback",
  firmware: "1.0",
  tickHz: 100,
  versions: { node: "20.20.2" },
  joints: [
    {
      name: "shoulder",
      kind: "revolute",
      minPosition: -1.5,
      maxPosition: 1.5,
      maxVelocity: 3,
      maxAcceleration: 20,
    },
    {
      name: "slide",
      kind: "prismatic",
      minPosition: 0,
      maxPosition: 0.2,
      maxVelocity: 0.5,
      maxAcceleration: 2,
    },
  ],
};

export const metrics: RobotMetrics = {
  episodes: 7,
  successes: 6,
  inferences: 140,
  inferenceP50Ms: 1.25,
  inferenceP99Ms: 3.5,
  tickLatenessP50Ms: 0.1,
  tickLatenessP99Ms: Number.NaN,
  framesSent: 900,
  framesAcked: 899,
  framesRejected: 1,
  faults: 0,
};

export const vitals: RobotVitals = {
  commandsExecuted: 1,
  commandsRefused: 2,
  recordsDropped: 3,
  recordsWaiting: 4,
  storedBytes: 5,
  reconnects: 6,
  boardTemperatureC: { "cpu-thermal": 51.5 },
  throttledBy: "",
};

export const commandNonce: string = "ab".repeat(16);

/** A broker that ends with the test. */
export async function startBroker(
  t: TestContext,
  options: EmbeddedBrokerOptions = {},
): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start(options);
  t.after(() => broker.stop());
  return broker;
}

export async function startRobot(
  t: TestContext,
  brokerUrl: string,
  options: Partial<RobotTelemetryOptions> = {},
): Promise<RobotTelemetry> {
  const robot = await RobotTelemetry.connect({ brokerUrl, robotId: "arm-7", birth, ...options });
  t.after(() => robot.close(100));
  return robot;
}

export async function startWatch(
  t: TestContext,
  brokerUrl: string,
  options: Partial<FleetWatchOptions> = {},
): Promise<FleetWatch> {
  const watch = await FleetWatch.connect({ brokerUrl, ...options });
  t.after(() => watch.close());
  return watch;
}

/** Resolves when `predicate` holds after a message; the test's own timeout is the bound. */
export function received(
  watch: FleetWatch,
  predicate: (message: FleetMessage | MalformedMessage) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const stop = watch.onMessage((message) => {
      if (!predicate(message)) return;
      stop();
      resolve();
    });
  });
}

/** Looks every 20 ms; the test's own timeout is the bound. */
export async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

/** A wire between a client and a broker that can be cut, or left open without carrying anything. */
export class Wire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isStalled = false;

  private constructor(brokerPort: number) {
    this.#server = createServer((near) => {
      const far = connectSocket(brokerPort, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => {});
        from.on("close", () => to.destroy());
        from.on("data", (bytes) => to.write(bytes));
        if (this.#isStalled) from.pause();
      }
    });
  }

  static async start(t: TestContext, brokerPort: number): Promise<Wire> {
    const wire = new Wire(brokerPort);
    await new Promise<void>((resolve) => {
      wire.#server.listen(0, "127.0.0.1", resolve);
    });
    t.after(() => {
      wire.cut();
      wire.#server.close();
    });
    return wire;
  }

  get url(): string {
    const address = this.#server.address();
    return `mqtt://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  }

  /** Destroys both ends: no DISCONNECT reaches the broker. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  /** The connections stay open and carry nothing any more. */
  stall(): void {
    this.#isStalled = true;
    for (const socket of this.#sockets) socket.pause();
  }
}

/** What a command left behind. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the `omp` command as a user does. */
export function omp(...args: readonly string[]): Promise<Run> {
  const cli = repositoryPath("dist", "sdk", "cli", "omp.js");
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

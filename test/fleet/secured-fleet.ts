import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";

import {
  FleetOperator,
  type FleetOperatorOptions,
  RobotTelemetry,
  type RobotTelemetryOptions,
} from "../../firmware-bridge/src/fleet/index.ts";
import { readCredentials } from "../../sdk/cli/fleet/broker-options.ts";
import { freePort, Mosquitto } from "../support/mosquitto.ts";
import { birth, omp } from "./fleet-fixture.ts";

/** A real Mosquitto with TLS and the files that `omp fleet init` and `omp fleet add` wrote. */
export class SecuredFleet {
  readonly folder: string;
  readonly broker: Mosquitto;
  readonly #closers: (() => Promise<unknown>)[] = [];

  private constructor(folder: string, broker: Mosquitto) {
    this.folder = folder;
    this.broker = broker;
  }

  static async start(robots: readonly string[]): Promise<SecuredFleet> {
    const folder = join(await mkdtemp(join(tmpdir(), "omp-fleet-")), "fleet");
    const port = await freePort();
    await run("fleet", "init", folder, "--host", "127.0.0.1", "--port", String(port));
    await run("fleet", "add", folder, ...robots);
    await run("fleet", "add", folder, "wall", "--as", "watcher");
    const configuration = join(folder, "broker", "mosquitto.conf");
    return new SecuredFleet(folder, await Mosquitto.startConfigured(configuration, port));
  }

  get url(): string {
    return `mqtts://127.0.0.1:${this.broker.port}`;
  }

  /** The folder of a client's key and certificate. */
  credentialsOf(role: "robot" | "operator" | "watcher", name: string): string {
    return join(this.folder, role, name);
  }

  async robot(robotId: string, options: Partial<RobotTelemetryOptions>): Promise<RobotTelemetry> {
    const credentials = readCredentials(this.credentialsOf("robot", robotId));
    const robot = await RobotTelemetry.connect({
      brokerUrl: this.url,
      credentials,
      robotId,
      birth,
      ...options,
    });
    this.#closers.push(() => robot.close(100));
    return robot;
  }

  async operator(options: Partial<FleetOperatorOptions> = {}): Promise<FleetOperator> {
    const credentials = readCredentials(this.credentialsOf("operator", "operator"));
    const operator = await FleetOperator.connect({
      brokerUrl: this.url,
      credentials,
      issuer: "ops",
      ...options,
    });
    this.#closers.push(() => operator.close());
    return operator;
  }

  /** A client of our own making with the certificate of a role, or with none. */
  async client(folder: string | undefined, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await connectAsync(this.url, {
      ...(folder === undefined ? {} : readCredentials(folder)),
      reconnectPeriod: 0,
      connectTimeout: 5000,
      ...options,
    });
    client.on("error", () => {});
    this.#closers.push(() => client.endAsync(true));
    return client;
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).toReversed()) await closer();
    await this.broker.close();
    await rm(join(this.folder, ".."), { recursive: true, force: true });
  }
}

async function run(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await omp(...args);
  if (code !== 0) throw new Error(stderr);
}

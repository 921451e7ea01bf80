import { setTimeout as sleep } from "node:timers/promises";

import { FleetOperator } from "../../firmware-bridge/src/fleet/fleet-operator.ts";
import { BundleServer } from "../../firmware-bridge/src/fleet/rollout/bundle-server.ts";
import {
  FleetRollout,
  type FleetRolloutOptions,
  type RolloutResult,
} from "../../firmware-bridge/src/fleet/rollout/fleet-rollout.ts";
import { EmbeddedBroker } from "./embedded-broker.ts";
import { RolloutProcess, type RobotProgramOptions } from "./rollout-process.ts";
import { type PackedBundle, SignedBundles } from "./signed-bundles.ts";

/** Robots in processes of their own behind a broker, a web server with their bundles, and an operator. */
export class RolloutFleet {
  readonly bundles: SignedBundles;
  readonly broker: EmbeddedBroker;
  readonly operator: FleetOperator;
  readonly server: BundleServer;
  readonly first: PackedBundle;
  readonly #processes: readonly RolloutProcess[];

  private constructor(parts: {
    readonly bundles: SignedBundles;
    readonly broker: EmbeddedBroker;
    readonly operator: FleetOperator;
    readonly server: BundleServer;
    readonly first: PackedBundle;
    readonly processes: readonly RolloutProcess[];
  }) {
    this.bundles = parts.bundles;
    this.broker = parts.broker;
    this.operator = parts.operator;
    this.server = parts.server;
    this.first = parts.first;
    this.#processes = parts.processes;
  }

  /** @param processes robots of each; every robot is online and runs the first bundle when this resolves */
  static async start(
    processes: readonly (readonly string[])[],
    options: Partial<RobotProgramOptions> = {},
  ): Promise<RolloutFleet> {
    const bundles = await SignedBundles.create();
    const broker = await EmbeddedBroker.start();
    const brokerUrl = broker.directUrl;
    const operator = await FleetOperator.connect({
      brokerUrl,
      issuer: "test",
      staleAfterMs: 60_000,
    });
    const server = await BundleServer.start();
    const first = await bundles.pack({ version: "1.0.0" });
    const started = await Promise.all(
      processes.map((robotIds, i) =>
        RolloutProcess.start({
          folder: bundles.folder,
          publicPem: bundles.pair.publicPem,
          robotIds,
          brokerUrl,
          firstBundle: first,
          tickHz: 40,
          groups: [`group-${i}`],
          shadow: { minObservations: 2 },
          health: { chunks: 5, maxLate: 1000, timeoutMs: 120_000 },
          ...options,
        }),
      ),
    );
    const fleet = new RolloutFleet({
      bundles,
      broker,
      operator,
      server,
      first,
      processes: started,
    });
    const count = processes.flat().length;
    await fleet.until(() => fleet.running(first.hash).length === count);
    // So that every robot has observations to answer.
    await sleep(2000);
    return fleet;
  }

  /** Robots that say they have committed a bundle. */
  running(hash: string): readonly string[] {
    return this.operator.watch
      .robots()
      .filter(({ bundle, heartbeat }) => bundle?.committed === hash && heartbeat !== undefined)
      .map(({ robotId }) => robotId);
  }

  /** Robots that ever got as far as having an opinion of a bundle. */
  touched(hash: string): readonly string[] {
    return this.operator.watch
      .robots()
      .filter(({ bundle }) => {
        const { committed, fallback, candidate, last } = bundle ?? {};
        return [committed, fallback, candidate, last?.hash].includes(hash);
      })
      .map(({ robotId }) => robotId);
  }

  async rollOut(
    { hash, file }: PackedBundle,
    options: Partial<FleetRolloutOptions> = {},
  ): Promise<RolloutResult> {
    return new FleetRollout({
      operator: this.operator,
      bundleHash: hash,
      url: this.server.add(hash, file),
      soakMs: 500,
      robotTimeoutMs: 180_000,
      ...options,
    }).run();
  }

  /** Resolves when no robot is updating any more and its last report has come. */
  async settle(): Promise<void> {
    await sleep(1000);
    await this.until(() =>
      this.operator.watch.robots().every(({ bundle }) => bundle?.phase === "idle"),
    );
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await sleep(50);
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.kill()));
    await this.operator.close();
    await this.server.close();
    await this.broker.close();
    await this.bundles.remove();
  }
}

import { readFile } from "node:fs/promises";
import { arch, platform, release } from "node:os";
import { join } from "node:path";

import { loopCommands, RobotTelemetry } from "../../../firmware-bridge/src/fleet/index.ts";
import { ControllerLink } from "../../../firmware-bridge/src/controller-link.ts";
import { readWorld } from "../../../firmware-bridge/src/testing/load-world.ts";
import type { SimulatedArm } from "../../../firmware-bridge/src/testing/simulated-arm.ts";
import type { Clock } from "../../src/clock.ts";
import { ControlLoop } from "../../src/control-loop.ts";
import { JointStateSensor } from "../../src/joint-state-sensor.ts";
import type { OmpPolicy } from "../../src/policy.ts";
import { loadPolicy } from "../../src/runtime/node/load-policy.ts";
import { MonotonicClock } from "../../src/runtime/node/monotonic-clock.ts";
import { hashManifest } from "../../src/runtime/node/signed-bundle/bundle-signature.ts";
import { EmbeddedBroker } from "../embedded-broker.ts";
import { demoLimits } from "./demo-limits.ts";
import type { DemoOptions } from "./demo-options.ts";
import { DemoRecording } from "./demo-recording.ts";
import { openArm } from "./open-arm.ts";

const DEFAULT_BROKER_PORT = 1883;

/** Everything that runs during a demo, opened in order and closed in reverse. */
export interface DemoSession {
  readonly clock: Clock;
  readonly policy: OmpPolicy;
  readonly arm: SimulatedArm;
  readonly link: ControllerLink;
  readonly loop: ControlLoop;
  readonly telemetry: RobotTelemetry;
  readonly brokerUrl: string;
  readonly recording: DemoRecording;
  /** Where every episode begins, rad. */
  readonly home: readonly number[];
  readonly maxEpisodeMs: number;
  /** Holds, disarms, and closes everything. Never throws. */
  close(): Promise<void>;
}

/** @throws {OmpError} of whatever cannot be opened; what was opened before is closed again */
export async function openDemo(packageRoot: string, options: DemoOptions): Promise<DemoSession> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer().catch(() => undefined);
  };
  try {
    const clock = new MonotonicClock();
    const worldDirectory = join(packageRoot, "models", "worlds", "push");
    const world = await readWorld(worldDirectory);
    const policy = await loadPolicy(
      options.bundle,
      options.variant === undefined ? {} : { variant: options.variant },
    );
    closers.push(async () => policy.close());
    const brokerUrl = options.broker ?? (await startBroker(closers));
    const arm = await openArm(packageRoot, options.firmware, clock);
    closers.push(async () => arm.close());
    const link = new ControllerLink({ name: arm.name, clock, openTransport: arm.openTransport });
    closers.push(async () => link.close());
    const description = await link.connect();
    let loop: ControlLoop | undefined;
    const telemetry = await RobotTelemetry.connect({
      brokerUrl,
      robotId: options.robotId,
      // Nobody answers for a remote rearm here: after a stop the demo ends.
      commands: { handlers: loopCommands(() => loop) },
      birth: {
        software: `omp-edge ${await packageVersion(packageRoot)}`,
        model: "so101",
        bundleId: policy.manifest.bundleId,
        bundleHash: hashManifest(await readFile(join(options.bundle, "manifest.json"))),
        provider: policy.info.activeProvider,
        link: description.name,
        firmware: description.firmware,
        tickHz: 100,
        versions: { node: process.version, os: `${platform()} ${release()} ${arch()}` },
        joints: description.joints,
      },
    });
    closers.push(async () => telemetry.close());
    const recording = new DemoRecording(policy.manifest, clock, options.record);
    const sensors = recording.tap([
      new JointStateSensor(link, description.joints.length),
      arm.camera,
    ]);
    const guard = await demoLimits(join(worldDirectory, world.scene));
    const running = new ControlLoop({
      policy,
      link,
      description,
      sensors,
      clock,
      telemetry,
      guard,
    });
    loop = running;
    closers.push(async () => running.stop());
    await recording.start(running, link);
    closers.push(async () => recording.close());
    await running.start({ paused: true });
    return {
      clock,
      policy,
      arm,
      link,
      loop: running,
      telemetry,
      brokerUrl,
      recording,
      home: world.joints.map(({ home }) => home),
      maxEpisodeMs: world.max_episode_steps * world.dt_ms,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startBroker(closers: (() => Promise<void>)[]): Promise<string> {
  const broker = await EmbeddedBroker.start({ port: DEFAULT_BROKER_PORT, orFreePort: true });
  closers.push(async () => broker.stop());
  return broker.url;
}

async function packageVersion(packageRoot: string): Promise<string> {
  const text = await readFile(join(packageRoot, "package.json"), "utf8");
  const { version }: { readonly version: string } = JSON.parse(text);
  return version;
}

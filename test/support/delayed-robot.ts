import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { HandoverOptions } from "../../sdk/src/handover/handover-options.ts";
import { openPolicy } from "../../sdk/src/open-policy.ts";
import { OmpPolicy } from "../../sdk/src/policy.ts";
import { FileBundleReader } from "../../sdk/src/runtime/node/file-bundle-reader.ts";
import { OrtSession } from "../../sdk/src/runtime/node/ort-session.ts";
import type { ControlLoopOptions } from "../../sdk/src/options.ts";
import type { SamplingOptions } from "../../sdk/src/sampling/sampling-options.ts";
import { ManualClock } from "../../sdk/src/testing/manual-clock.ts";
import type { PushWorldConfig } from "../../sdk/src/testing/push-world.ts";
import { DelayedBackend } from "./delayed-backend.ts";
import { PathSmoothness } from "./path-smoothness.ts";
import { repositoryPath } from "./repository.ts";
import { VirtualRobot } from "./virtual-robot.ts";

export interface DelayedRobotOptions {
  readonly bundle: string;
  /** Left out for a warm start, which has its own. */
  readonly variant?: string;
  readonly handover?: HandoverOptions;
  readonly sampling?: SamplingOptions;
  /** Instead of the bundle's. */
  readonly nActionSteps?: number;
  readonly options?: Partial<ControlLoopOptions>;
  /** What is different in `world.json`. */
  readonly world?: Partial<PushWorldConfig>;
}

export interface DelayedEpisode {
  readonly seed: number;
  readonly hasSucceeded: boolean;
  readonly hasFaulted: boolean;
  readonly durationMs: number;
  readonly smoothness: PathSmoothness;
}

const MICRO = 1e-6;

/** A `VirtualRobot` whose inferences take a chosen virtual time, in a world of one's own. */
export class DelayedRobot {
  readonly robot: VirtualRobot;
  readonly #policy: OmpPolicy;
  readonly #backend: DelayedBackend;

  private constructor(robot: VirtualRobot, policy: OmpPolicy, backend: DelayedBackend) {
    this.robot = robot;
    this.#policy = policy;
    this.#backend = backend;
  }

  static async start(options: DelayedRobotOptions): Promise<DelayedRobot> {
    const { bundle, variant, handover = {}, sampling = {}, nActionSteps } = options;
    const clock = new ManualClock(1000);
    const backend = new DelayedBackend(new OrtSession(), clock);
    const opened = await openPolicy(new FileBundleReader(bundle), backend, {
      ...(variant === undefined ? {} : { variant }),
      ...sampling,
    });
    const { manifest, info } = opened;
    const spec = { ...manifest.policy, ...(nActionSteps === undefined ? {} : { nActionSteps }) };
    const parts = { manifest: { ...manifest, policy: spec }, backend, info };
    const policy = new OmpPolicy({ ...parts, ...sampling });
    const worldDirectory = await writeWorld(options.world ?? {});
    try {
      const robot = await VirtualRobot.start(policy, {
        clock,
        worldDirectory,
        loop: { handover, options: options.options ?? {} },
        computed: async () => backend.computed(),
      });
      return new DelayedRobot(robot, policy, backend);
    } finally {
      await rm(worldDirectory, { recursive: true });
    }
  }

  /** One episode whose inferences take `delayMs`. A fault ends it as a failure and is cleared. */
  async runEpisode(seed: number, delayMs: number): Promise<DelayedEpisode> {
    const { loop, arm, clock } = this.robot;
    this.#backend.delayMs = delayMs;
    const commands = (): Float64Array => Float64Array.from(arm.core.command, (q) => q * MICRO);
    let smoothness: PathSmoothness | undefined;
    const startedAtMs = clock.nowMs();
    const onTick = (): void => {
      if (smoothness === undefined) smoothness = new PathSmoothness(commands());
      else smoothness.add(commands());
    };
    const finish = (hasSucceeded: boolean, durationMs: number): DelayedEpisode => ({
      seed,
      hasSucceeded,
      hasFaulted: loop.fault !== undefined,
      durationMs,
      smoothness: smoothness ?? new PathSmoothness([]),
    });
    try {
      const { hasSucceeded, durationMs } = await this.robot.runEpisode(seed, onTick);
      return finish(hasSucceeded, durationMs);
    } catch (error) {
      if (loop.fault === undefined) throw error;
      const episode = finish(false, clock.nowMs() - startedAtMs);
      await this.robot.settle(loop.rearm());
      return episode;
    }
  }

  async close(): Promise<void> {
    await this.robot.close();
    await this.#policy.close();
  }
}

/** A copy of the push world with some keys changed. */
async function writeWorld(changes: Partial<PushWorldConfig>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "omp-world-"));
  await cp(repositoryPath("models/worlds/push"), folder, { recursive: true });
  const file = join(folder, "world.json");
  const world: PushWorldConfig = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...world, ...changes }));
  return folder;
}

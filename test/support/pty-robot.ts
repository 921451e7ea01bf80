import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { readWorld } from "../../firmware-bridge/src/testing/load-world.ts";
import { PtyArm } from "../../firmware-bridge/src/testing/pty-arm.ts";
import { sleepUntil } from "../../sdk/src/clock.ts";
import { ControlLoop } from "../../sdk/src/control-loop.ts";
import { JointStateSensor } from "../../sdk/src/joint-state-sensor.ts";
import type { ControlLoopOptions } from "../../sdk/src/options.ts";
import type { OmpPolicy } from "../../sdk/src/policy.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { auditPath, type PathAudit } from "./path-audit.ts";
import { repositoryPath } from "./repository.ts";

export const firmwarePath: string = repositoryPath("firmware-bridge/firmware/build/omp-firmware");

/** Why tests with the host firmware are skipped; false when it was built. */
export const firmwareMissing: string | false = existsSync(firmwarePath)
  ? false
  : "the host firmware was not built: no C compiler";

const worldDirectory = repositoryPath("models/worlds/push");

/** The whole pipeline in real time against the host firmware on a pty, with the firmware's own logs of what it did. */
export class PtyRobot {
  readonly clock: MonotonicClock;
  readonly arm: PtyArm;
  readonly link: ControllerLink;
  readonly loop: ControlLoop;
  readonly #folder: string;
  readonly #home: readonly number[];

  private constructor(parts: {
    clock: MonotonicClock;
    arm: PtyArm;
    link: ControllerLink;
    loop: ControlLoop;
    folder: string;
    home: readonly number[];
  }) {
    this.clock = parts.clock;
    this.arm = parts.arm;
    this.link = parts.link;
    this.loop = parts.loop;
    this.#folder = parts.folder;
    this.#home = parts.home;
  }

  /** Armed and paused. */
  static async start(
    policy: OmpPolicy,
    options: Partial<ControlLoopOptions> = {},
  ): Promise<PtyRobot> {
    const clock = new MonotonicClock();
    const folder = await mkdtemp(join(tmpdir(), "omp-robot-"));
    const world = await readWorld(worldDirectory);
    const arm = await PtyArm.start({
      clock,
      firmwarePath,
      worldDirectory,
      pathLog: join(folder, "path"),
      admitLog: join(folder, "admit"),
    });
    const link = new ControllerLink({ name: arm.name, clock, openTransport: arm.openTransport });
    const sensors = [new JointStateSensor(link, world.joints.length), arm.camera];
    const loop = new ControlLoop({ policy, link, sensors, clock, options });
    const home = world.joints.map((joint) => joint.home);
    const robot = new PtyRobot({ clock, arm, link, loop, folder, home });
    try {
      await loop.start({ paused: true });
    } catch (error) {
      await robot.close();
      throw error;
    }
    return robot;
  }

  /** Goes home, places the objects of `seed` and lets the policy run. */
  async beginEpisode(seed: number): Promise<void> {
    await this.loop.moveTo(this.#home);
    await this.arm.place(seed);
    this.loop.restartEpisode({ seed });
  }

  /** Waits for `condition`; false when it did not come true in time. */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadlineMs = this.clock.nowMs() + timeoutMs;
    while (!condition()) {
      if (this.clock.nowMs() > deadlineMs) return false;
      await sleepUntil(this.clock, this.clock.nowMs() + 10);
    }
    return true;
  }

  /** Compares what the firmware commanded with what it had admitted, up to now. */
  async audit(): Promise<PathAudit> {
    await this.arm.control("flush");
    const [path, admitted] = await Promise.all([
      readFile(join(this.#folder, "path")),
      readFile(join(this.#folder, "admit")),
    ]);
    const joints = this.loop.stages?.description.joints ?? [];
    return auditPath(path, admitted, joints);
  }

  async close(): Promise<void> {
    await this.loop.stop().catch(() => undefined);
    await this.link.close();
    await this.arm.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Blocks this thread for up to `maxMs`, 60 if left out, at random, on average every 150 ms, until the returned function is called.
 * With `makeGarbage` it allocates meanwhile, for the garbage collector to block it too.
 */
export function blockAtRandom(
  random: () => number,
  {
    maxMs = 60,
    makeGarbage = false,
  }: { readonly maxMs?: number; readonly makeGarbage?: boolean } = {},
): () => number {
  let blocks = 0;
  let timer: NodeJS.Timeout;
  let garbage: unknown[] = [];
  const schedule = (): void => {
    timer = setTimeout(
      () => {
        const endMs = performance.now() + random() * maxMs;
        while (performance.now() < endMs) {
          if (makeGarbage) garbage.push({ text: `${blocks}`, numbers: [blocks, garbage.length] });
        }
        if (garbage.length > 1_000_000) garbage = [];
        blocks += 1;
        schedule();
      },
      20 + random() * 260,
    );
  };
  schedule();
  return () => {
    clearTimeout(timer);
    return blocks;
  };
}

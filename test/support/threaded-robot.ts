import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readWorld } from "../../firmware-bridge/src/testing/load-world.ts";
import type { ControlLoopOptions } from "../../sdk/src/options.ts";
import { ControlThread } from "../../sdk/src/runtime/node/control-thread.ts";
import type { ControlRobotData } from "./control-robot.ts";
import type { PathAudit } from "./path-audit.ts";
import { repositoryPath } from "./repository.ts";

/** The whole pipeline in real time on a control thread, against the host firmware on a pty, with the firmware's own logs. */
export class ThreadedRobot {
  readonly thread: ControlThread;
  readonly #folder: string;
  readonly #home: readonly number[];

  private constructor(thread: ControlThread, folder: string, home: readonly number[]) {
    this.thread = thread;
    this.#folder = folder;
    this.#home = home;
  }

  /** Armed and paused. */
  static async start(options: Partial<ControlLoopOptions>): Promise<ThreadedRobot> {
    const folder = await mkdtemp(join(tmpdir(), "omp-robot-"));
    const { joints } = await readWorld(repositoryPath("models/worlds/push"));
    const data: ControlRobotData = {
      pathLog: join(folder, "path"),
      admitLog: join(folder, "admit"),
      options,
    };
    const module = new URL("./control-robot.js", import.meta.url);
    const thread = await ControlThread.open(module, { data });
    const robot = new ThreadedRobot(
      thread,
      folder,
      joints.map(({ home }) => home),
    );
    try {
      await thread.start({ paused: true });
    } catch (error) {
      await robot.close();
      throw error;
    }
    return robot;
  }

  /** Goes home, places the objects of `seed` and lets the policy run until it has succeeded, faulted, or `maxMs` are over. */
  async runEpisode(seed: number, maxMs: number): Promise<void> {
    await this.thread.moveTo(this.#home);
    await this.thread.ask("place", seed);
    await this.thread.restartEpisode({ seed });
    const endMs = performance.now() + maxMs;
    while (performance.now() < endMs && this.thread.fault === undefined) {
      if ((await this.thread.ask("hasSucceeded")) === true) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
  }

  /** Compares what the firmware commanded with what it had admitted, up to now; blocks the control thread. */
  async audit(): Promise<PathAudit> {
    const audit: PathAudit = Object(await this.thread.ask("audit"));
    return audit;
  }

  /**
   * Times the controller had no waypoint when one was due: chunks it found late, and stretches for which it had none. Rows a late chunk skips
   * are not among them: there the arm follows the tail of the chunk before.
   */
  get missedWaypoints(): number {
    const { trajectoriesLate, starvations } = this.thread.figures.counters;
    return trajectoriesLate + starvations;
  }

  async close(): Promise<void> {
    await this.thread.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

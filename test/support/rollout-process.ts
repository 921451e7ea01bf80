import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import type { LoadBundleArguments } from "../../firmware-bridge/src/fleet/command.ts";
import { repositoryPath } from "./repository.ts";
import type { RolloutRobotOptions } from "./rollout-robot.ts";
import type { PackedBundle } from "./signed-bundles.ts";

export interface RobotProgramOptions extends Pick<
  RolloutRobotOptions,
  "groups" | "shadow" | "health" | "tickHz"
> {
  /** Each robot has a store of its name in it. */
  readonly folder: string;
  readonly publicPem: string;
  readonly robotIds: readonly string[];
  readonly brokerUrl?: string;
  readonly firstBundle?: PackedBundle;
}

export interface RobotProgramRequest {
  readonly load: LoadBundleArguments;
}

interface Report {
  readonly ready?: readonly string[];
  readonly phase?: string;
  readonly outcome?: string;
}

/** Robots in a child process. */
export class RolloutProcess {
  /** Hashes of the bundles that the robots started with. */
  readonly committed: readonly string[];
  /** Of the newest update. */
  phase = "idle";
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, committed: readonly string[]) {
    this.#child = child;
    this.committed = committed;
    child.on("message", ({ phase }: Report) => {
      if (phase !== undefined) this.phase = phase;
    });
  }

  /** Kills a process while it opens its stores. */
  static async startAndKill(options: RobotProgramOptions, afterMs: number): Promise<void> {
    const child = forkRobots(options);
    const exited = once(child, "exit");
    await Promise.race([sleep(afterMs), exited]);
    child.kill("SIGKILL");
    await exited;
  }

  /** Rejects when the robots are not runnable. */
  static async start(options: RobotProgramOptions): Promise<RolloutProcess> {
    const child = forkRobots(options);
    let errors = "";
    child.stderr?.on("data", (text: Buffer) => {
      errors += text.toString();
    });
    const committed = await new Promise<readonly string[]>((resolve, reject) => {
      child.on("message", ({ ready }: Report) => {
        if (ready !== undefined) resolve(ready);
      });
      child.once("exit", () => {
        reject(new Error(`the robot did not start: ${errors}`));
      });
    });
    return new RolloutProcess(child, committed);
  }

  /** Resolves with "healthy" or what went wrong; never when the process is killed before. */
  async load(bundle: LoadBundleArguments): Promise<string> {
    const request: RobotProgramRequest = { load: bundle };
    this.#child.send(request);
    return new Promise((resolve) => {
      this.#child.on("message", ({ outcome }: Report) => {
        if (outcome !== undefined) resolve(outcome);
      });
    });
  }

  /** SIGKILL: no handler runs, nothing is flushed. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

function forkRobots(options: RobotProgramOptions): ChildProcess {
  const program = repositoryPath("dist/test/support/rollout-robot-program.js");
  return fork(program, [JSON.stringify(options)], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
}

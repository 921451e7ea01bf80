import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { repositoryPath } from "../support/repository.ts";

const firmwarePath = repositoryPath("firmware-bridge", "firmware", "build", "omp-firmware");

/** Why the host firmware cannot run here, or undefined. */
export const ptyFirmwareSkip: string | undefined = existsSync(firmwarePath)
  ? undefined
  : "the host firmware is not built: make -C firmware-bridge/firmware host";

/** The reference firmware as a process behind a pty; its joints are where they are commanded to. */
export class PtyFirmware {
  readonly path: string;
  readonly #directory: string;
  readonly #process: ChildProcess;
  readonly #control: Duplex;
  readonly #answers: ((line: string) => void)[] = [];

  private constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), "omp-firmware-"));
    this.path = join(this.#directory, "controller");
    this.#process = spawn(firmwarePath, ["--link", this.path, "--no-bus", "--control", "3"], {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    const control = this.#process.stdio[3];
    assert.ok(control instanceof Duplex, "an extra pipe is a socket pair");
    this.#control = control;
    createInterface({ input: this.#control }).on("line", (line) => {
      this.#answers.shift()?.(line);
    });
  }

  static async start(): Promise<PtyFirmware> {
    const firmware = new PtyFirmware();
    while (!existsSync(firmware.path)) await sleep(5);
    return firmware;
  }

  /** One line to the control channel, its JSON answer back. */
  command(line: string): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve) => {
      this.#answers.push((answer) => {
        const parsed: unknown = JSON.parse(answer);
        resolve(typeof parsed === "object" && parsed !== null ? { ...parsed } : {});
      });
      this.#control.write(`${line}\n`);
    });
  }

  /** Freezes the process: it neither ticks nor reads. */
  stall(): void {
    this.#process.kill("SIGSTOP");
  }

  resume(): void {
    this.#process.kill("SIGCONT");
  }

  async close(): Promise<void> {
    this.#process.kill("SIGKILL");
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      await once(this.#process, "exit");
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";

import { repositoryPath } from "./repository.ts";

const firmwarePath = repositoryPath("firmware-bridge", "firmware", "build", "omp-firmware");

/** Why the host firmware cannot run here, or undefined. */
export const hostFirmwareSkip: string | undefined = existsSync(firmwarePath)
  ? undefined
  : "the host firmware is not built: make -C firmware-bridge/firmware host";

/** The reference firmware as a process of its own; its joints are where they are commanded to. */
export class HostFirmware {
  readonly #process: ChildProcess;
  readonly #control: Duplex;
  readonly #answers: ((line: string) => void)[] = [];

  /** @param line where its host connects: "--link PATH" for a pty, "--listen tcp:PORT" or "--listen unix:PATH" */
  constructor(line: readonly string[], ...more: readonly string[]) {
    const args = [...line, "--no-bus", "--control", "3", ...more];
    this.#process = spawn(firmwarePath, args, { stdio: ["ignore", "ignore", "inherit", "pipe"] });
    const control = this.#process.stdio[3];
    assert.ok(control instanceof Duplex, "an extra pipe is a socket pair");
    this.#control = control;
    createInterface({ input: this.#control }).on("line", (answer) => {
      this.#answers.shift()?.(answer);
    });
  }

  /** One line to the control channel, its JSON answer back. The first answer comes when the line is open. */
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
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

import { asOmpError, ErrorCode } from "../../../errors.ts";

const TOLD_CHARACTERS = 2000;
const PATIENCE_MS = 500;

/** A running program that writes frames to its standard output. */
export class FrameCommand {
  readonly #program: string;
  readonly #child: ChildProcess;
  /** The end of what it wrote to its standard error. */
  #told = "";
  #fate = "closed its output";

  /**
   * @param command program and arguments; no shell sees them
   * @param output descriptor that becomes its standard output; the caller closes its own
   */
  constructor([program = "", ...args]: readonly string[], output: number) {
    this.#program = program;
    this.#child = spawn(program, args, { stdio: ["ignore", output, "pipe"] });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#told = (this.#told + text).slice(-TOLD_CHARACTERS);
    });
    this.#child.on("error", (error) => {
      this.#fate = `did not start, ${error.message}`;
    });
    this.#child.once("exit", (status, signal) => {
      this.#fate = `ended with ${status ?? signal}`;
    });
  }

  /** What became of it, for people. */
  get problem(): string {
    const told = this.#told.trim();
    return `${this.#program} ${this.#fate}${told === "" ? "" : `: ${told}`}`;
  }

  /** @throws {OmpError} SENSOR_FAILED when there is no such program */
  async started(): Promise<void> {
    try {
      await once(this.#child, "spawn");
    } catch (error) {
      throw asOmpError(error, ErrorCode.SensorFailed, `${this.#program} did not start`);
    }
  }

  /** At once, without waiting. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Asks it to end, and kills it when it does not. */
  async end(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => {
      this.kill();
    }, PATIENCE_MS);
    await exited;
    clearTimeout(timer);
  }
}

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

import type { Contender } from "../../sdk/cli/tune/take-turns.ts";
import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";

/** A process that answers a number of runs on a line with a line of their durations: `[12.5,12.7]`. */
export class ChildContender implements Contender {
  readonly name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(
    name: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = process.env,
  ) {
    this.name = name;
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env });
    // A process that dies early is noticed by the line that does not come.
    this.#child.stdin.on("error", () => undefined);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async run(count: number): Promise<readonly number[]> {
    this.#child.stdin.write(`${count}\n`);
    return this.#readNumbers();
  }

  /** Ends its input and reads the line that it answers to that. */
  async finish(): Promise<readonly number[]> {
    this.#child.stdin.end();
    return this.#readNumbers();
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await once(this.#child, "exit");
    }
  }

  async #readNumbers(): Promise<readonly number[]> {
    const { value, done } = await this.#lines.next();
    if (done === true) {
      throw new OmpError(ErrorCode.ToolFailed, { what: `${this.name} ended without an answer` });
    }
    const numbers: readonly number[] = JSON.parse(value);
    return numbers;
  }
}

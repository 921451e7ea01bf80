import { createInterface, type Interface } from "node:readline";

import type { Clock } from "../../src/clock.ts";

/** Where the motors commands talk to a person. */
export interface MotorsConsole {
  /** Whether `status` is seen. */
  readonly isLive: boolean;
  print(line: string): void;
  /** A line that the next one replaces; nothing where there is no terminal. */
  status(line: string): void;
  /** The next line of input, or undefined when there is no more or the command was interrupted. */
  ask(question: string): Promise<string | undefined>;
  close(): void;
}

/** What a motors command is run with. */
export interface MotorsContext {
  readonly signal: AbortSignal;
  readonly console: MotorsConsole;
  readonly clock: Clock;
}

/** A console on this process's standard streams. */
export class StandardConsole implements MotorsConsole {
  readonly isLive: boolean = process.stdout.isTTY;
  readonly #lines: Interface;
  readonly #typed: string[] = [];
  readonly #signal: AbortSignal;
  #hasEnded = false;
  #waiting: ((line: string | undefined) => void) | undefined;
  #hasStatus = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    // Not as a terminal: Ctrl-C stays a signal.
    this.#lines = createInterface({ input: process.stdin, terminal: false });
    this.#lines.on("line", (line) => {
      if (this.#waiting === undefined) this.#typed.push(line);
      else this.#answer(line);
    });
    this.#lines.on("close", () => {
      this.#hasEnded = true;
      this.#answer(undefined);
    });
    signal.addEventListener("abort", () => {
      this.#answer(undefined);
    });
  }

  print(line: string): void {
    if (this.#hasStatus) process.stdout.write("\r\u001b[K");
    this.#hasStatus = false;
    console.log(line);
  }

  status(line: string): void {
    if (!this.isLive) return;
    const width = (process.stdout.columns || 80) - 1;
    process.stdout.write(`\r\u001b[K${line.slice(0, width)}`);
    this.#hasStatus = true;
  }

  async ask(question: string): Promise<string | undefined> {
    if (this.#signal.aborted) return undefined;
    process.stdout.write(`${question} `);
    const typed = this.#typed.shift();
    if (typed !== undefined || this.#hasEnded) return typed;
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  close(): void {
    this.#lines.close();
  }

  #answer(line: string | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(line);
  }
}

/** Asks for a yes before something is done; anything else is a no. */
export async function confirm(
  console: MotorsConsole,
  isYes: boolean,
  question: string,
): Promise<boolean> {
  if (isYes) {
    console.print(`${question} yes (--yes)`);
    return true;
  }
  const answer = await console.ask(`${question} [y/N]`);
  return answer !== undefined && /^\s*y(es)?\s*$/i.test(answer);
}

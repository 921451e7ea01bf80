import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";

/** One way to do a thing whose duration is compared with that of other ways. */
export interface Contender {
  readonly name: string;
  /** Durations of `count` runs, one after the other, us. */
  run(count: number): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** Times `work` in this process. */
export function localContender(
  name: string,
  work: () => Promise<unknown>,
  close: () => Promise<void> = async () => Promise.resolve(),
): Contender {
  return {
    name,
    async run(count) {
      const durationsUs: number[] = [];
      for (let i = 0; i < count; i += 1) {
        const startMs = performance.now();
        await work();
        durationsUs.push((performance.now() - startMs) * 1000);
      }
      return durationsUs;
    },
    close,
  };
}

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

export interface Turns {
  readonly rounds: number;
  /** Counted runs of every contender in a round. */
  readonly runs: number;
  /** Runs before them that do not count: the others have used the caches since. */
  readonly warmUpRuns: number;
}

/** Lets the contenders take turns, in an order that rotates every round: what disturbs the machine disturbs all. */
export async function takeTurns(
  contenders: readonly Contender[],
  { rounds, runs, warmUpRuns }: Turns,
  onRound: (round: number) => void = () => undefined,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const samples = new Map(contenders.map(({ name }): [string, number[]] => [name, []]));
  for (const { run } of contenders.map((one) => ({ run: one.run.bind(one) })))
    await run(warmUpRuns);
  for (let round = 0; round < rounds; round += 1) {
    onRound(round);
    for (let i = 0; i < contenders.length; i += 1) {
      const contender = contenders[(round + i) % contenders.length];
      const durationsUs = (await contender?.run(warmUpRuns + runs)) ?? [];
      samples.get(contender?.name ?? "")?.push(...durationsUs.slice(warmUpRuns));
    }
  }
  return Object.fromEntries(samples);
}

/** The value that a share `q` of the samples does not exceed; NaN of none. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

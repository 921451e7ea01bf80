import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { type Contender, quantile, takeTurns } from "../../sdk/cli/tune/take-turns.ts";
import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { ControlThread } from "../../sdk/src/runtime/node/control-thread.ts";
import type { ThreadPriority } from "../../sdk/src/runtime/node/thread-priority.ts";
import { repositoryPath } from "../support/repository.ts";
import type { StreamingControlData } from "../support/streaming-control.ts";
import { cacheFolder } from "./bench-cache.ts";
import { ChildContender } from "./child-contender.ts";
import type { Bench } from "./measurement.ts";

/** How late ticks begin, us, by way. */
export type TickLateness = Readonly<Record<"control" | "c", readonly number[]>>;

export interface TickRun {
  readonly tickHz: number;
  readonly isMainBusy: boolean;
  /** Turns of each way. */
  readonly rounds: number;
  readonly secondsPerTurn: number;
}

const rates = [100, 250, 500, 1000];
const PRIORITY = 80;
const WARM_UP_S = 0.3;

/** Why C cannot be measured here, or undefined. */
export const ticksSkip: string | undefined =
  process.platform !== "linux"
    ? "it needs Linux"
    : spawnSync("cc", ["--version"]).status === 0
      ? undefined
      : "there is no C compiler";

/** A running control loop, chunks included, and a `clock_nanosleep` loop in C at the priority that its thread got, in turns. */
export async function measureTicks(run: TickRun): Promise<TickLateness> {
  const { tickHz, isMainBusy, rounds, secondsPerTurn } = run;
  const data: StreamingControlData = { tickHz };
  const module = new URL("../support/streaming-control.js", import.meta.url);
  const thread = await ControlThread.open(module, { data, priority: PRIORITY });
  const c = startC(tickHz, thread.priority);
  const stopWork = isMainBusy ? workOnMain() : (): void => undefined;
  try {
    const samples = await takeTurns([threadContender(thread), c], {
      rounds,
      runs: Math.round(tickHz * secondsPerTurn),
      warmUpRuns: Math.round(tickHz * WARM_UP_S),
    });
    return { control: samples.get("control") ?? [], c: samples.get("c") ?? [] };
  } finally {
    stopWork();
    await c.close();
    await thread.close();
  }
}

function threadContender(thread: ControlThread): Contender {
  return {
    name: "control",
    async run(count) {
      await thread.start();
      const lateUs: readonly number[] = Object(await thread.ask("lateUs", count));
      const { fault } = thread;
      await thread.stop();
      if (fault === undefined) return lateUs;
      throw new OmpError(ErrorCode.ToolFailed, {
        what: "the loop faulted while it was measured",
        observed: `${fault.reason}: ${fault.detail}`,
        next: "Measure again when the machine does less.",
      });
    },
    close: async () => thread.close(),
  };
}

function startC(tickHz: number, { kind, priority }: ThreadPriority): ChildContender {
  const folder = cacheFolder();
  const program = join(folder, "sleep_until");
  const source = repositoryPath("test", "bench", "c-ticks", "sleep_until.c");
  mkdirSync(folder, { recursive: true });
  execFileSync("cc", ["-std=gnu99", "-O2", "-Wall", "-Wextra", "-Werror", source, "-o", program]);
  const command = {
    fifo: ["chrt", "--fifo", `${priority}`, program],
    nice: ["nice", "-n", `${priority}`, program],
    plain: [program],
  }[kind];
  const [first = program, ...rest] = command;
  return new ChildContender("c", first, [...rest, `${tickHz}`]);
}

/** Slices of parsing and garbage on this thread, 10 to 25 ms each, with a turn of the event loop in between. */
function workOnMain(): () => void {
  const text = JSON.stringify(Array.from({ length: 2000 }, (_, i) => ({ i, name: `joint ${i}` })));
  let isOver = false;
  const slice = (): void => {
    const endMs = performance.now() + 10 + Math.random() * 15;
    while (performance.now() < endMs) JSON.parse(text);
    if (!isOver) setImmediate(slice);
  };
  setImmediate(slice);
  return () => {
    isOver = true;
  };
}

export const ticks: Bench = {
  summary:
    "how late ticks begin: a control thread against clock_nanosleep in C at the same priority",

  async run(say) {
    const figures: Record<string, number> = {};
    const samples: Record<string, readonly number[]> = {};
    for (const tickHz of rates) {
      for (const isMainBusy of [false, true]) {
        const load = isMainBusy ? "busy" : "idle";
        say(`${tickHz} Hz, main thread ${load}`);
        const run = { tickHz, isMainBusy, rounds: 5, secondsPerTurn: 2 };
        for (const [way, lateUs] of Object.entries(await measureTicks(run))) {
          const name = `${tickHz}hz_${load}_${way}`;
          samples[`${name}_us`] = lateUs;
          for (const [label, q] of [
            ["p50", 0.5],
            ["p99", 0.99],
            ["p99_9", 0.999],
          ] as const) {
            figures[`${name}_${label}_us`] = quantile(lateUs, q);
          }
        }
      }
    }
    return { figures, samples };
  },
};

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import {
  type Contender,
  localContender,
  quantile,
  takeTurns,
} from "../../sdk/cli/tune/take-turns.ts";
import type { Bench } from "./measurement.ts";

type Way = "message" | "atomics";

/** What a worker is told. */
export interface HopWorker {
  /** Of the request and of the answer. */
  readonly words: Int32Array;
  readonly asks: Way;
  readonly answers: Way;
}

declare global {
  // Node has it; the compiler's library for ES2023 does not.
  interface Atomics {
    waitAsync(words: Int32Array, index: number, value: number): { readonly value: unknown };
  }
}

const ways: readonly (readonly [Way, Way])[] = [
  ["message", "message"],
  ["atomics", "atomics"],
  ["atomics", "message"],
];
const idleMs = 10;

/** From a call in this thread to the worker and back, without work. */
export const workerHop: Bench = {
  summary:
    "a call to a worker and back, by messages and by atomics, at once and after 10 ms of rest",

  async run(say) {
    const figures: Record<string, number> = {};
    const samples: Record<string, readonly number[]> = {};
    for (const restMs of [0, idleMs]) {
      say(`messages and atomics take turns, ${restMs} ms between calls`);
      const contenders = ways.map(([asks, answers]) => startHop(asks, answers, restMs));
      const rounds = restMs === 0 ? 40 : 20;
      const turns = { rounds, runs: restMs === 0 ? 100 : 20, warmUpRuns: 3 };
      const measured = await takeTurns(contenders, turns);
      for (const contender of contenders) await contender.close();
      for (const [name, us] of measured) {
        samples[`${name}_us`] = us;
        figures[`${name}_p50_us`] = quantile(us, 0.5);
        figures[`${name}_p99_us`] = quantile(us, 0.99);
      }
    }
    return { figures, samples };
  },
};

function startHop(asks: Way, answers: Way, restMs: number): Contender {
  const words = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const workerData: HopWorker = { words, asks, answers };
  const worker = new Worker(new URL("./worker-hop-program.js", import.meta.url), { workerData });
  const ask = (isLast: boolean): void => {
    if (asks === "message") {
      worker.postMessage(isLast);
    } else {
      Atomics.store(words, 0, isLast ? 2 : 1);
      Atomics.notify(words, 0);
    }
  };
  const hop = async (): Promise<void> => {
    if (answers === "message") {
      const answered = once(worker, "message");
      ask(false);
      await answered;
    } else {
      Atomics.store(words, 1, 0);
      const { value: answered } = Atomics.waitAsync(words, 1, 0);
      ask(false);
      await answered;
    }
  };
  const close = async (): Promise<void> => {
    const exited = once(worker, "exit");
    ask(true);
    await exited;
  };
  const name = `${asks}_${answers}_after_${restMs}_ms`;
  const timed = localContender(name, hop, close);
  return {
    ...timed,
    async run(count) {
      const durationsUs: number[] = [];
      for (let i = 0; i < count; i += 1) {
        if (restMs > 0) await sleep(restMs);
        durationsUs.push(...(await timed.run(1)));
      }
      return durationsUs;
    },
  };
}

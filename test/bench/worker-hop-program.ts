/**
 * Worker that answers requests as the inference worker does, by messages or by two words of shared memory, after one turn of its
 * event loop, which onnxruntime's `run` takes too.
 */
import { setImmediate as turn } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

import type { HopWorker } from "./worker-hop.ts";

const { words, asks, answers }: HopWorker = workerData;
const [request, reply] = [0, 1];

async function work(): Promise<void> {
  await turn();
  if (answers === "message") {
    parentPort?.postMessage(0);
  } else {
    Atomics.store(words, reply, 1);
    Atomics.notify(words, reply);
  }
}

if (asks === "message") {
  parentPort?.on("message", (isLast: boolean) => {
    if (isLast) parentPort?.close();
    else void work();
  });
} else {
  while (Atomics.wait(words, request, 0) !== "timed-out") {
    if (Atomics.exchange(words, request, 0) === 2) break;
    await work();
  }
}

/** Thread that measures how late it wakes up; see `jitter.ts`. It ends by itself. */
import { parentPort, workerData } from "node:worker_threads";

import { MonotonicClock } from "../../../src/runtime/node/monotonic-clock.ts";
import { makeThreadFifo } from "../../../src/runtime/node/thread-priority.ts";
import type { JitterReply, JitterRequest } from "./jitter.ts";
import type { FifoAttempt } from "./realtime.ts";

const PRIORITY = 50;
/** Instants, ms, in which the code is compiled and nothing is noted. */
const WARM_UP_MS = 200;

function measure({ durationMs, periodMs }: JitterRequest): Float64Array {
  const clock = new MonotonicClock();
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const skipped = Math.ceil(WARM_UP_MS / periodMs);
  const latenessMs = new Float64Array(skipped + Math.ceil(durationMs / periodMs));
  const startMs = clock.nowMs() + periodMs;
  let next = 0;
  while (next < latenessMs.length) {
    const dueMs = startMs + next * periodMs;
    const waitMs = dueMs - clock.nowMs();
    if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
    const nowMs = clock.nowMs();
    // A thread that sleeps through several instants was late for each of them.
    for (; next < latenessMs.length && startMs + next * periodMs <= nowMs; next += 1) {
      latenessMs[next] = nowMs - (startMs + next * periodMs);
    }
  }
  return latenessMs.subarray(skipped);
}

const request: JitterRequest = workerData;
const reason = makeThreadFifo(PRIORITY);
const attempt: FifoAttempt =
  reason === undefined ? { isGranted: true } : { isGranted: false, reason };
const reply: JitterReply = { attempt, latenessMs: measure(request) };
parentPort?.postMessage(reply);

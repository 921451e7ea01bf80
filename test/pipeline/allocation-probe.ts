/**
 * Runs a loop in a worker thread, through its pacer, for 60 s' worth of ticks at 500 Hz, and prints what they leave on the heap:
 * `{"tickBytes", "collections"}` of ticks without an inference, `{"chunkBytes"}` of a chunk with its ticks. Run with `--expose-gc`.
 */
import assert from "node:assert/strict";
import { PerformanceObserver } from "node:perf_hooks";
import { isMainThread, Worker } from "node:worker_threads";

import {
  type ActuatorLink,
  ControlLoop,
  createLinkCounters,
  LatencyHistogram,
  OmpPolicy,
  type SampleSink,
  type TrajectoryVerdict,
} from "omp-edge";
import { FakeBackend, type FakeGraph } from "omp-edge/testing";

import { evaluateRows, tinyGraph, tinyManifest } from "./tiny-loop.ts";

const TICKS = 30_000;
const TICK_MS = 2;
const SAMPLE_MS = 10;
const { nActionSteps, dtMs } = tinyManifest.policy;
const TICKS_PER_CHUNK = (nActionSteps * dtMs) / TICK_MS;
const CHUNKS = 300;

interface Rig {
  readonly loop: ControlLoop;
  /** Passes a tick's time and ticks. */
  readonly tick: () => void;
  /** Lets an inference end and accepts its trajectory. */
  readonly settle: () => Promise<void>;
}

/**
 * A running loop on a link, a clock and a sensor that do nothing of their own, so that only the loop is measured.
 *
 * @param tickMs the time from tick to tick
 */
async function startLoop(evaluate: FakeGraph["evaluate"], tickMs: number): Promise<Rig> {
  const nowMs = new Float64Array(1);
  const state = [0, 0];
  const ticksPerSample = Math.round(SAMPLE_MS / tickMs);
  let ticks = 0;
  let sentId = 0;
  let sink: SampleSink | undefined;
  let onTick: ((skipped: number) => void) | undefined;
  const decided: ((id: number, verdict: TrajectoryVerdict) => void)[] = [];
  const link: ActuatorLink = {
    state: "armed",
    counters: createLinkCounters(),
    connect: async () => Promise.reject(new Error("open already")),
    arm: async () => Promise.resolve(),
    send: ({ id }) => {
      sentId = id;
      return true;
    },
    heartbeat: () => undefined,
    hold: () => undefined,
    emergencyStop: () => undefined,
    readJointState: (out) => {
      out.measuredAtMs = nowMs[0] ?? 0;
      return true;
    },
    clearFault: async () => Promise.resolve(),
    disarm: async () => Promise.resolve(),
    close: async () => Promise.resolve(),
    on: (name, listener) => {
      if (name === "trajectoryDecided")
        decided.push((...verdict) => Reflect.apply(listener, undefined, verdict));
      return () => undefined;
    },
  };
  const backend = new FakeBackend({ ...tinyGraph, evaluate });
  const info = await backend.load({ bytes: new Uint8Array() });
  const loop = new ControlLoop({
    policy: new OmpPolicy({ manifest: tinyManifest, backend, info }),
    link,
    description: {
      name: "nothing",
      joints: tinyManifest.action.joints,
      firmware: "",
      minLeadMs: 2,
      maxWaypoints: 64,
    },
    clock: { nowMs: () => nowMs[0] ?? 0, callAt: () => () => undefined },
    sensors: [
      {
        key: "observation.state",
        start: async (given) => {
          sink = given;
          return Promise.resolve();
        },
        stop: async () => Promise.resolve(),
      },
    ],
    pacer: {
      latenessMs: new LatencyHistogram(),
      start: (_, tick) => {
        onTick = tick;
      },
      stop: () => undefined,
    },
    options: { inferenceTimeoutMs: 60_000 },
  });
  await loop.start();
  return {
    loop,
    tick: () => {
      // A fraction, because V8 keeps whole numbers off the heap by itself.
      nowMs[0] = (nowMs[0] ?? 0) + tickMs + 2 ** -10;
      ticks += 1;
      if (ticks % ticksPerSample === 0) sink?.push("observation.state", state, nowMs[0] ?? 0);
      onTick?.(0);
    },
    settle: async () => {
      await loop.settled();
      if (sentId > 0) for (const tell of decided) tell(sentId, "accepted");
      sentId = 0;
    },
  };
}

/** The fewest bytes of `rounds` rounds: what V8 compiles in between is not of the loop. */
async function leastBytes(rounds: number, work: () => Promise<void> | void): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    await work();
    least = Math.min(least, process.memoryUsage().heapUsed - before);
  }
  return least;
}

async function measureTicks(): Promise<{ tickBytes: number; collections: number }> {
  // The inference stays pending: no chunk is measured here. Time passes slowly, for that to be no fault.
  const { loop, tick } = await startLoop(async () => new Promise(() => undefined), TICK_MS / 16);
  for (let i = 0; i < 2000; i += 1) tick();
  assert.equal(loop.counters.inferences, 1);
  const run = (): void => {
    for (let i = 0; i < TICKS; i += 1) tick();
  };
  const bytes = await leastBytes(12, run);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  run();
  await new Promise((resolve) => {
    setTimeout(resolve, 100);
  });
  observer.disconnect();
  assert.equal(loop.state, "running");
  return { tickBytes: bytes / TICKS, collections };
}

async function measureChunks(): Promise<{ chunkBytes: number }> {
  const { loop, tick, settle } = await startLoop(
    evaluateRows(([a, b]) => [a, b]),
    TICK_MS,
  );
  const bytes = await leastBytes(6, async () => {
    for (let i = 0; i < CHUNKS * TICKS_PER_CHUNK; i += 1) {
      const { inferences } = loop.counters;
      tick();
      if (loop.counters.inferences > inferences) await settle();
    }
  });
  assert.equal(loop.state, "running");
  const { trajectoriesSent } = loop.counters;
  assert.ok(trajectoriesSent > 5.9 * CHUNKS, `${trajectoriesSent} chunks`);
  return { chunkBytes: bytes / CHUNKS };
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  worker.on("error", (error) => {
    throw error;
  });
} else {
  process.stdout.write(JSON.stringify({ ...(await measureTicks()), ...(await measureChunks()) }));
}

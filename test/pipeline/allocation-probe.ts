/**
 * Prints how many bytes of heap one tick leaves behind: 6000 ticks (60 s at 100 Hz) of a running loop whose inference is
 * pending. Run with `--expose-gc`.
 */
import assert from "node:assert/strict";

import { type ActuatorLink, ControlLoop, createLinkCounters, OmpPolicy } from "omp-edge";
import { FakeBackend, ManualClock } from "omp-edge/testing";

import { tinyGraph, tinyManifest } from "./tiny-loop.ts";

/** A link that does nothing, so that only the loop is measured. */
const link: ActuatorLink = {
  state: "armed",
  counters: createLinkCounters(),
  connect: async () => Promise.reject(new Error("open already")),
  arm: async () => Promise.resolve(),
  send: () => true,
  heartbeat: () => undefined,
  hold: () => undefined,
  emergencyStop: () => undefined,
  readJointState: (out) => {
    out.measuredAtMs = 0;
    return true;
  },
  clearFault: async () => Promise.resolve(),
  disarm: async () => Promise.resolve(),
  close: async () => Promise.resolve(),
  on: () => () => undefined,
};

const backend = new FakeBackend({
  ...tinyGraph,
  evaluate: async () => new Promise(() => undefined),
});
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
  clock: new ManualClock(),
  sensors: [
    {
      key: "observation.state",
      start: async (sink) => {
        for (let atMs = -100; atMs <= 0; atMs += 10) sink.push("observation.state", [0, 0], atMs);
        return Promise.resolve();
      },
      stop: async () => Promise.resolve(),
    },
  ],
  options: { inferenceTimeoutMs: 60_000 },
  ticking: "caller",
});
await loop.start();
loop.tick(0);
loop.tick(0);
assert.equal(loop.counters.inferences, 1);

const ticks = 6000;
const measure = (): number => {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  // Fractions, because V8 keeps whole numbers off the heap by itself.
  for (let i = 0; i < ticks; i += 1) loop.tick(0.25 + i / ticks);
  return (process.memoryUsage().heapUsed - before) / ticks;
};
const samples = Array.from({ length: 8 }, measure);
assert.equal(loop.state, "running");
process.stdout.write(String(Math.min(...samples)));

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import {
  ControlLoop,
  DepthCloud,
  FrameReader,
  type FrameSpec,
  isOmpError,
  mujocoCamera,
  OmpPolicy,
  JointStateSensor,
} from "omp-edge";
import { FramePipe, type FramePipeOptions, MonotonicClock, PipeCamera } from "omp-edge/node";
import { FakeBackend, LoopbackLink } from "omp-edge/testing";

import type { FrameWriterOrder } from "../support/frame-writer.ts";
import { tinyGraph, tinyManifest } from "./tiny-loop.ts";

const clock = new MonotonicClock();
const folder = mkdtempSync(join(tmpdir(), "omp-pipe-"));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const writerProgram = fileURLToPath(new URL("../support/frame-writer.js", import.meta.url));
/** Larger than what a pipe holds, so that a frame takes several reads. */
const pixels = 320 * 240;
const periodMs = 20;

function writerCommand(order: Partial<FrameWriterOrder>): readonly string[] {
  const whole: FrameWriterOrder = { pixels, periodMs, frames: 1000, end: "stay", ...order };
  return [process.execPath, writerProgram, JSON.stringify(whole)];
}

function createPipe(
  order: Partial<FrameWriterOrder>,
  options: Partial<FramePipeOptions> = {},
): FramePipe {
  return new FramePipe(2 * pixels, {
    source: { command: writerCommand(order) },
    rateHz: 1000 / periodMs,
    latencyMs: 0,
    maxRestarts: 0,
    ...options,
  });
}

/** Waits as long as it takes; the test runner's own limit ends what never comes. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(5);
}

interface TakenFrame {
  readonly number: number;
  readonly writtenAtMs: number;
  readonly capturedAtMs: number;
  readonly takenAtMs: number;
}

function takeFrame(reader: FrameReader): TakenFrame | undefined {
  if (!reader.take()) return undefined;
  const { buffer, byteOffset } = reader.frame;
  const frame = new Uint16Array(buffer, byteOffset, pixels);
  const [low = 0, high = 0, number = 0] = frame;
  assert.ok(
    frame.subarray(2).every((pixel) => pixel === number),
    "the frame is of one piece",
  );
  const writtenAtMs = high * 65_536 + low;
  return { number, writtenAtMs, capturedAtMs: reader.capturedAtMs, takenAtMs: clock.nowMs() };
}

test("frames of a child process arrive whole and in order, stamped when their first byte came", async () => {
  const latencyMs = 500;
  const pipe = createPipe({}, { latencyMs });
  await pipe.start();
  const reader = new FrameReader(pipe.frames);
  const taken: TakenFrame[] = [];
  while (taken.length < 10) {
    const frame = takeFrame(reader);
    if (frame === undefined) await sleep(2);
    else taken.push(frame);
  }
  assert.equal(pipe.state, "open");
  await pipe.stop();
  for (const [i, frame] of taken.entries()) {
    const before = taken[i - 1] ?? { number: 1, capturedAtMs: 0 };
    assert.ok(frame.number > before.number && frame.capturedAtMs > before.capturedAtMs);
    const firstByteMs = frame.capturedAtMs + latencyMs;
    assert.ok(firstByteMs >= frame.writtenAtMs && firstByteMs <= frame.takenAtMs);
  }
  const { frames, framesQueued, framesCut } = pipe.counters;
  assert.ok(frames >= 10 && framesQueued >= 1, "the first frame may have waited");
  assert.equal(framesCut, 0);
  assert.equal(pipe.state, "ended");
});

test("a source that ends in the middle of a frame says so, and stays ended", async () => {
  const pipe = createPipe({ frames: 5, cutBytes: 1001, end: "fail" });
  await pipe.start();
  const reader = new FrameReader(pipe.frames);
  await until(() => pipe.state === "ended" && /ended with 3/.test(pipe.problem));
  assert.match(pipe.problem, /the cable was pulled/);
  assert.equal(pipe.counters.framesCut, 1);
  let newest = 0;
  for (let frame = takeFrame(reader); frame !== undefined; frame = takeFrame(reader)) {
    newest = frame.number;
  }
  assert.ok(newest <= 5, "no cut frame is published");
  const { frames } = pipe.counters;
  await sleep(50);
  assert.equal(pipe.counters.frames, frames);
  assert.equal(pipe.counters.restarts, 0);
  await pipe.stop();
});

test("a source is begun anew as often as it was said, and its frames are whole again", async () => {
  const pipe = createPipe(
    { frames: 6, cutBytes: 999, end: "fail" },
    { maxRestarts: 2, restartDelayMs: 1 },
  );
  await pipe.start();
  const reader = new FrameReader(pipe.frames);
  let newest = 0;
  await until(() => {
    newest = takeFrame(reader)?.number ?? newest;
    return pipe.state === "ended";
  });
  const { restarts, framesCut } = pipe.counters;
  assert.deepEqual({ restarts, framesCut }, { restarts: 2, framesCut: 3 });
  assert.ok(newest > 1);
  await pipe.stop();
});

test("a command that falls silent is killed and counted", async () => {
  const pipe = createPipe({ frames: 5, cutBytes: 10 }, { stallMs: 2000 });
  await pipe.start();
  await until(() => pipe.state === "ended" && /SIGKILL/.test(pipe.problem));
  assert.equal(pipe.counters.stalls, 1);
  assert.equal(pipe.counters.framesCut, 1);
  await pipe.stop();
});

test("frames that come in a burst have waited and are dropped", async () => {
  const pipe = createPipe({ periodMs: 0.001, frames: 200, end: "fail" }, { rateHz: 1 });
  await pipe.start();
  await until(() => pipe.state === "ended");
  assert.deepEqual([pipe.counters.frames, pipe.counters.framesQueued], [0, 200]);
  await pipe.stop();
});

test("a FIFO is read while somebody writes to it, and stop ends a read that waits", async () => {
  const fifo = join(folder, "camera");
  execFileSync("mkfifo", [fifo]);
  const pipe = createPipe({}, { source: { fifo }, maxRestarts: 1, restartDelayMs: 1 });
  await pipe.start();
  assert.equal(pipe.state, "waiting");
  for (const session of [1, 2]) {
    const [program = "", ...args] = writerCommand({ frames: 5, end: "fail", file: fifo });
    const writer = spawn(program, args, { stdio: "ignore" });
    const before = pipe.counters.frames;
    await once(writer, "exit");
    await until(() => pipe.counters.frames > before && pipe.state !== "open");
    assert.ok(pipe.counters.restarts <= session);
  }
  assert.match(pipe.problem, /nobody writes/);
  assert.equal(pipe.state, "ended");
  await pipe.stop();
  const unheard = createPipe({}, { source: { fifo } });
  await unheard.start();
  await unheard.stop();
  const silent = createPipe({ frames: 0 });
  await silent.start();
  await until(() => silent.state === "open");
  await silent.stop();
});

test("what cannot be a camera is refused", async () => {
  const refused: readonly FramePipeOptions["source"][] = [
    { command: ["omp-no-such-program"] },
    { fifo: join(folder, "nothing") },
    { fifo: writerProgram },
  ];
  for (const source of refused) {
    const pipe = createPipe({}, { source });
    await assert.rejects(pipe.start(), (error) => isOmpError(error, "SENSOR_FAILED"));
    await pipe.stop();
    await assert.rejects(pipe.start(), (error) => isOmpError(error, "INVALID_STATE"));
  }
  const changes: readonly Partial<FramePipeOptions>[] = [
    { source: { command: [] } },
    { rateHz: 0 },
    { latencyMs: -1 },
    { maxRestarts: Number.NaN },
    { stallMs: 1 },
  ];
  for (const change of changes) {
    assert.throws(
      () => createPipe({}, change),
      (error) => isOmpError(error, "INVALID_ARGUMENT"),
      JSON.stringify(change),
    );
  }
});

test("a process ends although a camera sends nothing", async () => {
  const program = new URL("../support/exit-with-silent-camera.js", import.meta.url);
  const child = spawn(process.execPath, [fileURLToPath(program)], { stdio: "inherit" });
  await once(child, "exit");
  assert.equal(child.exitCode, 0);
});

/** Looks at the ceiling from below: depth is height. */
const cloudFrame = {
  ...mujocoCamera({ width: 320, height: 240, fovy: 1 }, [0, 0, 0], [1, 0, 0, 0, -1, 0, 0, 0, -1]),
  kind: "depth",
  format: "uint16",
  metresPerUnit: 0.001,
  crop: { low: [-9, -9, 0.0005], high: [9, 9, 0.9] },
  points: 16,
  stride: 4,
} as const satisfies FrameSpec;

test("a depth camera makes the clouds that its frames are", async () => {
  const camera = new PipeCamera({
    key: "observation.point_cloud",
    source: { command: writerCommand({}) },
    frame: cloudFrame,
    rateHz: 1000 / periodMs,
    latencyMs: 0,
    maxRestarts: 0,
  });
  const clouds: number[][] = [];
  await camera.start({
    push: (key, values) => {
      assert.equal(key, "observation.point_cloud");
      clouds.push(Array.from(values));
    },
  });
  await until(() => {
    camera.poll();
    return clouds.length >= 5;
  });
  await camera.stop();
  const maker = new DepthCloud(cloudFrame);
  const expected = new Float32Array(48);
  for (const cloud of clouds) {
    const depth = new Uint16Array(pixels).fill(Math.round((cloud.at(-1) ?? 0) * 1000));
    // The first two pixels hold a time: the first lies on a row that the stride takes.
    depth[0] = 0;
    assert.ok(maker.make(depth, expected));
    assert.equal(cloud.length, 48);
    assert.equal(cloud.at(-1), expected.at(-1));
  }
  const { samplesLost, framesEmpty } = camera.counters;
  assert.deepEqual({ samplesLost, framesEmpty }, { samplesLost: 0, framesEmpty: 0 });
});

test("the arm holds, then faults, when its camera dies, and the fault names the key", async () => {
  const fifo = join(folder, "depth");
  execFileSync("mkfifo", [fifo]);
  const [program = "", ...args] = writerCommand({ periodMs: 100, file: fifo });
  const writer = spawn(program, args, { stdio: "ignore" });
  const key = "observation.point_cloud";
  const [state] = tinyManifest.observations;
  assert.ok(state);
  const observation = { ...state, maxAgeMs: 2000 };
  const cloud = { ...observation, key, shape: [16, 3], size: 48, names: ["x", "y", "z"] };
  const manifest = { ...tinyManifest, observations: [observation, cloud] };
  const backend = new FakeBackend({
    inputs: [...tinyGraph.inputs, { name: key, shape: [1, 2, 16, 3], dtype: "float32" }],
    outputs: tinyGraph.outputs,
    evaluate: () => undefined,
  });
  const info = await backend.load({ bytes: new Uint8Array() });
  const numbers = { rateHz: 10, latencyMs: 0, maxRestarts: 0 };
  const camera = new PipeCamera({ key, source: { fifo }, frame: cloudFrame, ...numbers });
  const link = new LoopbackLink(clock, { joints: tinyManifest.action.joints });
  const loop = new ControlLoop({
    policy: new OmpPolicy({ manifest, backend, info }),
    link,
    clock,
    sensors: [new JointStateSensor(link, 2), camera],
    alignment: { anchor: key, keys: { [state.key]: { method: "interpolated" } } },
    // Long, because a busy machine is not what is tested.
    options: { staleFaultMs: 5000, jointStateTimeoutMs: 10_000, inferenceTimeoutMs: 10_000 },
  });
  const states: string[] = [];
  loop.on("stateChanged", (next) => {
    states.push(next);
    if (next === "running") writer.kill();
  });
  await loop.start();
  await until(() => loop.state === "faulted");
  assert.ok(states.includes("running"), `${states.join()}: ${loop.fault?.detail}`);
  assert.deepEqual(states.slice(-2), ["holding", "faulted"]);
  assert.equal(loop.fault?.reason, "observation_stale");
  assert.match(loop.fault.detail, /observation\.point_cloud is stale/);
  assert.match(camera.problem, /nobody writes/);
  await loop.stop();
  await link.close();
});

const gstreamer = ((): string | false => {
  try {
    execFileSync("gst-launch-1.0", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    return "no gst-launch-1.0; Debian has it in gstreamer1.0-tools";
  }
})();

test("a GStreamer pipeline is a camera", { skip: gstreamer }, async () => {
  const caps = "video/x-raw,format=RGB,width=64,height=48,framerate=30/1";
  const camera = new PipeCamera({
    key: "observation.image",
    source: {
      command: ["gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "!", caps, "!", "fdsink"],
    },
    frame: { kind: "image", format: "rgb8", width: 64, height: 48, outWidth: 8, outHeight: 6 },
    rateHz: 30,
    latencyMs: 0,
    maxRestarts: 0,
  });
  const pictures: number[][] = [];
  await camera.start({
    push: (_key, values) => {
      pictures.push(Array.from(values));
    },
  });
  await until(() => {
    camera.poll();
    return pictures.length >= 3 || camera.state === "ended";
  });
  await camera.stop();
  // Colour bars: the left one is white, the next to the last of the upper part blue.
  const picture = pictures.at(-1) ?? [];
  assert.equal(picture.length, 3 * 6 * 8, camera.problem);
  assert.ok([0, 48, 96].every((channel) => (picture[channel] ?? 0) > 0.7));
});

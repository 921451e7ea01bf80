import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { McapIndexedReader } from "@mcap/core";
import {
  BlackBox,
  EpisodeRecording,
  openRecording,
  type RecordedMessage,
} from "omp-edge/recording";

import { recordedLoop, runUntil } from "./recorded-loop.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "omp-recording-"));
});
after(async () => rm(folder, { recursive: true }));

async function messagesOf(path: string): Promise<RecordedMessage[]> {
  const messages = [];
  for await (const message of (await openRecording(path)).messages) messages.push(message);
  return messages;
}

test("a recording holds what the loop saw and did, in its order and to the last bit", async () => {
  const { tiny, recorder } = await recordedLoop();
  const path = join(folder, "episode.mcap");
  const recording = await EpisodeRecording.start(recorder, path);
  const sent: { id: number; first: number }[] = [];
  tiny.loop.on("trajectorySent", ({ id, positions }) => {
    sent.push({ id, first: positions[0] ?? Number.NaN });
  });
  await tiny.loop.start();
  await tiny.run(2000);
  tiny.loop.emergencyStop();
  await runUntil(tiny, recording.stop());
  assert.equal(recording.overwritten, 0);

  const messages = await messagesOf(path);
  const logs = messages.flatMap((one) => (one.topic === "/log" ? [one.message] : []));
  const trajectories = messages.flatMap((one) =>
    one.topic === "/trajectory" ? [one.message] : [],
  );
  const states = messages.flatMap((one) => (one.topic === "/joint_state" ? [one.message] : []));
  const samples = messages.flatMap((one) =>
    one.topic === "/observation.state" && "values" in one.message ? [one.message] : [],
  );
  assert.deepEqual(
    logs.map(({ state, previous, reason }) => [previous, state, reason]),
    [
      ["idle", "arming", ""],
      ["arming", "holding", ""],
      ["holding", "running", ""],
      ["running", "faulted", ""],
      ["faulted", "faulted", "emergency_stop"],
    ],
  );
  assert.deepEqual(
    trajectories.map(({ id, positions }) => ({ id, first: positions[0]?.[0] })),
    sent,
  );
  assert.ok(samples.length > 190, `${samples.length} samples in 2 s of 100 Hz`);
  assert.deepEqual(
    samples.map(({ at_ms, values }) => [at_ms, values]),
    states.slice(-samples.length).map(({ at_ms, position }) => [at_ms, position]),
    "the sensor of the tiny loop is the joints' position",
  );
});

test("another reader of MCAP finds indexed JSON with schemas, in UTC", async () => {
  const bytes = await readFile(join(folder, "episode.mcap"));
  const reader = await McapIndexedReader.Initialize({
    readable: {
      size: async () => Promise.resolve(BigInt(bytes.length)),
      read: async (offset, size) =>
        Promise.resolve(new Uint8Array(bytes.subarray(Number(offset), Number(offset + size)))),
    },
  });
  const topics = [...reader.channelsById.values()].map(({ topic, schemaId, messageEncoding }) => [
    topic,
    reader.schemasById.get(schemaId)?.name,
    messageEncoding,
  ]);
  assert.deepEqual(topics, [
    ["/log", "foxglove.Log", "json"],
    ["/joint_state", "omp_edge.JointState", "json"],
    ["/trajectory", "omp_edge.Trajectory", "json"],
    ["/observation.state", "omp_edge.Observation", "json"],
  ]);
  assert.equal(
    reader.statistics?.messageCount,
    BigInt((await messagesOf(join(folder, "episode.mcap"))).length),
  );
  const began = new Date(Number((reader.statistics?.messageStartTime ?? 0n) / 1_000_000n));
  assert.equal(began.toISOString().slice(0, 16), "2026-01-02T03:04");
});

test("a recording that was cut short anywhere is read up to its last whole chunk", async () => {
  const bytes = await readFile(join(folder, "episode.mcap"));
  const whole = await messagesOf(join(folder, "episode.mcap"));
  const path = join(folder, "cut.mcap.part");
  for (let share = 0.2; share < 1; share += 0.2) {
    await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * share)));
    const read = await messagesOf(path);
    assert.deepEqual(read, whole.slice(0, read.length));
  }
});

test("the black box keeps the minute before a fault and goes on after it", async () => {
  const { tiny, recorder } = await recordedLoop(30);
  const directory = join(folder, "black-box");
  const dumps: object[] = [];
  const blackBox = new BlackBox(recorder, {
    directory,
    secondsAfter: 0.5,
    keep: 2,
    onDump: (outcome) => dumps.push(outcome),
  });
  blackBox.watch(tiny.loop);
  await tiny.loop.start();
  for (let fault = 0; fault < 3; fault += 1) {
    await tiny.run(3000);
    tiny.loop.emergencyStop();
    await runUntil(tiny, blackBox.settled());
    await runUntil(tiny, tiny.loop.rearm());
  }
  assert.equal(dumps.length, 3);
  const names = await readdir(directory);
  assert.equal(names.length, 2, "the oldest is forgotten");
  const messages = await messagesOf(join(directory, names.sort()[1] ?? ""));
  const faultAtMs = messages.find(
    ({ topic, message }) => topic === "/log" && message.reason === "emergency_stop",
  )?.message.at_ms;
  assert.ok(faultAtMs !== undefined);
  const times = messages.map(({ message }) => message.at_ms - faultAtMs);
  assert.ok(Math.min(...times) < -2000, `from ${Math.min(...times)} ms`);
  assert.ok(Math.max(...times) > 400, `to ${Math.max(...times)} ms`);
});

test("what is no recording is refused", async () => {
  const path = join(folder, "no.mcap");
  await writeFile(path, "not at all");
  await assert.rejects(openRecording(path), { code: "RECORDING_INVALID" });
  await assert.rejects(openRecording(join(folder, "missing.mcap")), { code: "RECORDING_FAILED" });
});

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { EpisodeRecording, openRecording } from "omp-edge/recording";

import { recordedEpisodes } from "../../models/src/recordings/recorded-episodes.ts";
import { needsPython } from "../python/python.ts";
import { runOmp } from "../python/run-omp.ts";
import { recordedLoop, runUntil } from "./recorded-loop.ts";

let folder = "";
let path = "";
const dataset = (): string => join(folder, "dataset");

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "omp-lerobot-"));
  path = join(folder, "two-episodes.mcap");
  const { tiny, recorder } = await recordedLoop();
  const recording = await EpisodeRecording.start(recorder, path);
  await tiny.loop.start();
  await tiny.run(1500);
  tiny.loop.pause();
  await tiny.run(1000);
  tiny.loop.restartEpisode({ seed: 1 });
  await tiny.run(2500);
  tiny.loop.pause();
  await tiny.run(300);
  await runUntil(tiny, recording.stop());
});
after(async () => rm(folder, { recursive: true }));

test("an episode is a time in which the policy ran; its action is the command one step later", async () => {
  const episodes = await recordedEpisodes(await openRecording(path));
  assert.equal(episodes.length, 2);
  const [first, second] = episodes;
  assert.ok(first !== undefined && second !== undefined);
  assert.ok(Math.abs(first.frames.length - 29) <= 1, `${first.frames.length} frames in 1.5 s`);
  assert.ok(Math.abs(second.frames.length - 49) <= 2, `${second.frames.length} frames in 2.5 s`);
  // The ideal arm is where it is commanded, and its sensor says so: an action is the next observation.
  for (const { frames } of episodes) {
    for (const [i, { action }] of frames.slice(0, -1).entries()) {
      const next = frames[i + 1]?.observation.get("observation.state") ?? [];
      for (const [j, value] of action.entries()) {
        assert.ok(Math.abs(value - (next[j] ?? Number.NaN)) < 0.003, `frame ${i}, joint ${j}`);
      }
    }
    assert.notDeepEqual(frames[0]?.action, frames.at(-1)?.action, "the arm moved");
  }
});

test("omp recording export writes a LeRobot dataset of those frames", async () => {
  const { status, lines, errors } = await runOmp([
    "recording",
    "export",
    path,
    "--out",
    dataset(),
    "--task",
    "advance",
  ]);
  assert.equal(status, 0, errors);
  const episodes = await recordedEpisodes(await openRecording(path));
  const total = episodes.reduce((sum, { frames }) => sum + frames.length, 0);
  assert.match(lines.join("\n"), new RegExp(`2 episodes, ${total} frames of observation.state`));
  const info: unknown = JSON.parse(await readFile(join(dataset(), "meta", "info.json"), "utf8"));
  assert.ok(typeof info === "object" && info !== null && "total_frames" in info && "fps" in info);
  assert.deepEqual([info.total_frames, info.fps], [total, 20]);
  let index = 0;
  for (const [episode, { frames }] of episodes.entries()) {
    const name = `episode_00000${episode}.parquet`;
    const file = await asyncBufferFromFile(join(dataset(), "data", "chunk-000", name));
    const rows = await parquetReadObjects({ file });
    assert.deepEqual(
      rows,
      frames.map(({ observation, action }, frame) => ({
        "observation.state": [...new Float32Array(observation.get("observation.state") ?? [])],
        action: [...new Float32Array(action)],
        timestamp: Math.fround(frame * 0.05),
        frame_index: BigInt(frame),
        episode_index: BigInt(episode),
        index: BigInt(index + frame),
        task_index: 0n,
      })),
    );
    index += frames.length;
  }
});

test("the host tool trains on it: omp data import reads the dataset", needsPython, async () => {
  const out = join(folder, "demo.npz");
  const { status, errors } = await runOmp(["data", "import", dataset(), "--out", out]);
  assert.equal(status, 0, errors);
  const shown = await runOmp(["data", "inspect", out]);
  assert.match(shown.lines[0] ?? "", /2 episodes, \d+ steps of 50 ms/);
});

test("omp recording show says what a file holds", async () => {
  const { status, lines, errors } = await runOmp(["recording", "show", path]);
  assert.equal(status, 0, errors);
  assert.match(lines.join("\n"), /episodes {2}2, of \d+, \d+ steps/);
});

test("a dataset never replaces another, and a wrong call is told", async () => {
  const again = await runOmp(["recording", "export", path, "--out", dataset()]);
  assert.equal(again.status, 1);
  assert.match(again.errors, /RECORDING_INVALID.*a folder that does not exist yet/);
  assert.equal((await runOmp(["recording", "export", path])).status, 2);
  assert.equal((await runOmp(["recording", "look"])).status, 2);
});

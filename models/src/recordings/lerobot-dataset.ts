import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type ColumnSource, parquetWriteBuffer, type SchemaElement } from "hyparquet-writer";

import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import type { RecordingHeader } from "../../../sdk/src/recording/index.ts";
import { type Frame, type RecordedEpisode, vectorKeys } from "./recorded-episodes.ts";

const VERSION = "v2.1";
const CHUNK_SIZE = 1000;
const DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet";

/** Columns of numbers that every frame has besides its vectors. */
const COUNTERS = ["timestamp", "frame_index", "episode_index", "index", "task_index"] as const;

export interface LeRobotDatasetOptions {
  /** A folder that does not exist. */
  readonly directory: string;
  /** What the robot was to do, for people and for policies that read it. */
  readonly task: string;
  readonly robotType: string;
}

/**
 * Writes episodes as a LeRobot dataset v2.1: a parquet file an episode, one row a step (huggingface/lerobot, `lerobot/datasets`). The folder
 * appears when it is complete.
 *
 * @throws {OmpError} RECORDING_INVALID when there is no episode or the folder exists
 */
export async function writeLeRobotDataset(
  header: RecordingHeader,
  episodes: readonly RecordedEpisode[],
  { directory, task, robotType }: LeRobotDatasetOptions,
): Promise<void> {
  if (episodes.length === 0) {
    throw new OmpError(ErrorCode.RecordingInvalid, {
      what: "the recordings hold no episode",
      observed: "at no time did the policy run with every observation there",
      next: "Record while the loop is running.",
    });
  }
  const unfinished = `${directory}.part`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(join(unfinished, "meta"), { recursive: true });
  const features = featuresOf(header);
  const lines: { readonly [file: string]: string[] } = { episodes: [], episodes_stats: [] };
  let index = 0;
  for (const [episode, { frames }] of episodes.entries()) {
    const columns = columnsOf(header, frames, episode, index);
    const file = join(unfinished, dataFile(episode));
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, new Uint8Array(parquetOf(columns)));
    const stats = Object.fromEntries(
      Object.entries(columns).map(([name, values]) => [name, statsOf(values)]),
    );
    lines["episodes"]?.push(
      JSON.stringify({ episode_index: episode, tasks: [task], length: frames.length }),
    );
    lines["episodes_stats"]?.push(JSON.stringify({ episode_index: episode, stats }));
    index += frames.length;
  }
  const info = {
    codebase_version: VERSION,
    robot_type: robotType,
    total_episodes: episodes.length,
    total_frames: index,
    total_tasks: 1,
    total_videos: 0,
    total_chunks: Math.ceil(episodes.length / CHUNK_SIZE),
    chunks_size: CHUNK_SIZE,
    fps: 1000 / header.dtMs,
    splits: { train: `0:${episodes.length}` },
    data_path: DATA_PATH,
    video_path: null,
    features,
  };
  const meta = join(unfinished, "meta");
  await writeFile(join(meta, "info.json"), `${JSON.stringify(info, undefined, 2)}\n`);
  await writeFile(join(meta, "tasks.jsonl"), `${JSON.stringify({ task_index: 0, task })}\n`);
  for (const [file, text] of Object.entries(lines)) {
    await writeFile(join(meta, `${file}.jsonl`), `${text.join("\n")}\n`);
  }
  await publish(unfinished, directory);
}

async function publish(unfinished: string, directory: string): Promise<void> {
  try {
    await rename(unfinished, directory);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw new OmpError(ErrorCode.RecordingInvalid, {
      what: `the dataset cannot be ${directory}`,
      observed: error instanceof Error ? error.message : String(error),
      expected: "a folder that does not exist yet",
      cause: error,
    });
  }
}

function dataFile(episode: number): string {
  const chunk = Math.floor(episode / CHUNK_SIZE);
  const name = `episode_${String(episode).padStart(6, "0")}.parquet`;
  return `data/chunk-${String(chunk).padStart(3, "0")}/${name}`;
}

function featuresOf(header: RecordingHeader): Record<string, object> {
  const vectors = vectorKeys(header).map(({ key, shape, names }) => [
    key,
    { dtype: "float32", shape, names: names.length > 0 ? names : null },
  ]);
  const action = { dtype: "float32", shape: [header.joints.length], names: header.joints };
  const counters = COUNTERS.map((name) => [
    name,
    { dtype: name === "timestamp" ? "float32" : "int64", shape: [1], names: null },
  ]);
  return Object.fromEntries([...vectors, ["action", action], ...counters]);
}

/** Values by column; a vector column has a row of numbers a frame. */
type Columns = Readonly<Record<string, readonly (readonly number[])[]>>;

function columnsOf(
  header: RecordingHeader,
  frames: readonly Frame[],
  episode: number,
  firstIndex: number,
): Columns {
  const vectors = vectorKeys(header).map(({ key }): [string, readonly (readonly number[])[]] => [
    key,
    frames.map(({ observation }) => observation.get(key) ?? []),
  ]);
  return {
    ...Object.fromEntries(vectors),
    action: frames.map(({ action }) => action),
    timestamp: frames.map((_, frame) => [(frame * header.dtMs) / 1000]),
    frame_index: frames.map((_, frame) => [frame]),
    episode_index: frames.map(() => [episode]),
    index: frames.map((_, frame) => [firstIndex + frame]),
    task_index: frames.map(() => [0]),
  };
}

function isCounter(name: string): boolean {
  return COUNTERS.some((counter) => counter === name);
}

function parquetOf(columns: Columns): ArrayBuffer {
  const entries = Object.entries(columns);
  const columnData = entries.map(([name, rows]): ColumnSource => {
    if (!isCounter(name)) return { name, data: rows.map((row) => [...row]) };
    const values = rows.map((row) => row[0] ?? 0);
    return { name, data: name === "timestamp" ? values : values.map(BigInt) };
  });
  const schema = entries.flatMap(([name]) =>
    isCounter(name) ? [counterSchema(name)] : vectorSchema(name),
  );
  return parquetWriteBuffer({
    columnData,
    schema: [{ name: "root", num_children: entries.length }, ...schema],
  });
}

function counterSchema(name: string): SchemaElement {
  const type = name === "timestamp" ? "FLOAT" : "INT64";
  return { name, type, repetition_type: "REQUIRED" };
}

/** A list of parquet, as arrow writes it. */
function vectorSchema(name: string): SchemaElement[] {
  return [
    { name, repetition_type: "REQUIRED", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
  ];
}

/** As LeRobot keeps them for every episode: one number a channel. */
function statsOf(rows: readonly (readonly number[])[]): object {
  const width = rows[0]?.length ?? 0;
  const channels = Array.from({ length: width }, (_, i) => rows.map((row) => row[i] ?? 0));
  const mean = channels.map((values) => values.reduce((sum, one) => sum + one, 0) / values.length);
  return {
    min: channels.map((values) =>
      values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    ),
    max: channels.map((values) =>
      values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
    ),
    mean,
    std: channels.map((values, i) =>
      Math.sqrt(values.reduce((sum, one) => sum + (one - (mean[i] ?? 0)) ** 2, 0) / values.length),
    ),
    count: [rows.length],
  };
}

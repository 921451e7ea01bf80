import { basename } from "node:path";

import { writeLeRobotDataset } from "../../../models/src/recordings/lerobot-dataset.ts";
import { recordedEpisodes, vectorKeys } from "../../../models/src/recordings/recorded-episodes.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import { openRecording } from "../../src/recording/index.ts";
import type { Command } from "../command.ts";
import { parseCommand, type ParsedCommand } from "../command-options.ts";

/** Shows what recordings hold, and makes training data of them. */
export const recording: Command = {
  summary: "show recordings of a robot, or make a dataset of them",
  usage: `usage: omp recording show FILE.mcap... [--json]
       omp recording export FILE.mcap... --out DIR [--task TEXT] [--robot-type NAME]

  --out DIR          the dataset: LeRobot v2.1, a folder that does not exist yet
  --task TEXT        what the robot was to do (default: the bundle's id)
  --robot-type NAME  (default unknown)
  --json             one JSON object a file

Recordings are MCAP files, as the black box and "omp demo --record" write them; Foxglove opens them. A recording that a
crash cut short, FILE.mcap.part, is read as far as it is whole. An episode is every time in which the policy ran; its
frames are the policy's steps, its actions what the joints were commanded to one step later. Vectors are exported,
pictures and clouds are not.
Exit status: 0 done, 1 a file is no recording or holds no episode, 2 wrong call.`,

  async run(args) {
    const [verb, ...rest] = args;
    if (verb === "show") return show(rest);
    if (verb === "export") return exportDataset(rest);
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "omp recording needs to know what to do",
      observed: verb ?? "nothing",
      expected: "show or export",
      next: "--help tells more.",
    });
  },
};

async function show(args: readonly string[]): Promise<number> {
  const { files, options } = parse(args);
  for (const file of files) {
    const topics = new Map<string, number>();
    const faults: string[] = [];
    let firstMs = Number.POSITIVE_INFINITY;
    let lastMs = Number.NEGATIVE_INFINITY;
    const { header, messages } = await openRecording(file);
    for await (const { topic, message } of messages) {
      topics.set(topic, (topics.get(topic) ?? 0) + 1);
      firstMs = Math.min(firstMs, message.at_ms);
      lastMs = Math.max(lastMs, message.at_ms);
      if (topic === "/log" && message.reason !== "") faults.push(message.message);
    }
    const episodes = await recordedEpisodes(await openRecording(file));
    const seconds = topics.size === 0 ? 0 : (lastMs - firstMs) / 1000;
    const steps = episodes.map(({ frames }) => frames.length);
    if (options.flag("json")) {
      const counts = Object.fromEntries(topics);
      console.log(
        JSON.stringify({ file, ...header, seconds, topics: counts, faults, episodes: steps }),
      );
      continue;
    }
    const began = Number.isFinite(firstMs)
      ? new Date(firstMs + header.utcOffsetMs).toISOString()
      : "never";
    console.log(`${basename(file)}: ${header.bundleId} ${header.bundleVersion}`);
    console.log(`  began     ${began}, ${seconds.toFixed(1)} s`);
    for (const [topic, count] of topics) console.log(`  ${topic.padEnd(32)} ${count} messages`);
    console.log(`  episodes  ${steps.length}, of ${steps.join(", ") || "no"} steps`);
    for (const fault of faults) console.log(`  fault     ${fault}`);
  }
  return 0;
}

async function exportDataset(args: readonly string[]): Promise<number> {
  const { files, options } = parse(args);
  const directory = options.requiredText("out");
  const [first = ""] = files;
  const { header } = await openRecording(first);
  const episodes = [];
  for (const file of files) {
    const opened = await openRecording(file);
    const isSame = ["joints", "observations", "dtMs"] as const;
    const other = isSame.find(
      (name) => JSON.stringify(opened.header[name]) !== JSON.stringify(header[name]),
    );
    if (other !== undefined) {
      throw new OmpError(ErrorCode.RecordingInvalid, {
        what: `${file} and ${first} do not fit in one dataset`,
        observed: `other ${other}`,
      });
    }
    episodes.push(...(await recordedEpisodes(opened)));
  }
  await writeLeRobotDataset(header, episodes, {
    directory,
    task: options.text("task") ?? header.bundleId,
    robotType: options.text("robot-type") ?? "unknown",
  });
  const frames = episodes.reduce((sum, episode) => sum + episode.frames.length, 0);
  const keys = vectorKeys(header).map(({ key }) => key);
  console.log(`${directory}: ${episodes.length} episodes, ${frames} frames of ${keys.join(", ")}`);
  return 0;
}

interface Call {
  readonly files: readonly string[];
  readonly options: ParsedCommand;
}

function parse(args: readonly string[]): Call {
  const firstOption = args.findIndex((one) => one.startsWith("--"));
  const files = firstOption === -1 ? args : args.slice(0, firstOption);
  if (files.length === 0) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "a recording is needed",
      expected: "FILE.mcap before the options",
    });
  }
  const options = parseCommand(args.slice(files.length), {
    out: { type: "string" },
    task: { type: "string" },
    "robot-type": { type: "string" },
    json: { type: "boolean" },
  });
  return { files, options };
}

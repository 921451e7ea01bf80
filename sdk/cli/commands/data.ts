import { describeDemonstrations } from "../../../models/src/data-report.ts";
import { runTool, toolOptions } from "../../../models/src/run-tool.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import type { Command } from "../command.ts";
import { type ParsedCommand, parseCommand } from "../command-options.ts";

/** Makes, converts and shows demonstrations. */
export const data: Command = {
  summary: "collect, import and inspect demonstrations",
  usage: `usage: omp data inspect PATH [--plot FILE]
       omp data collect --task TASK --out FILE [--episodes N] [--first-seed N]
       omp data import PATH --out FILE [--format dp3-zarr|lerobot]

inspect shows episodes, lengths, shapes and ranges, and warns of values that never change.
  PATH              demonstrations, .npz, or a folder that can be imported
  --plot FILE       an SVG with a panel for each value, the episodes one over the other

collect lets the expert of a simulated task demonstrate it. Equal seeds make equal files.
  --task TASK       push, metaworld/<task>, adroit/door, adroit/hammer, adroit/pen or adroit/relocate
  --episodes N      good episodes to keep (default 10)
  --first-seed N    episodes use ascending seeds from here (default 1000000, and no smaller one)
  --experts DIR     converted DAPG policies <task>.npz, which the adroit tasks need

import turns a recording of another project into demonstrations.
  PATH              folder: a zarr store of DP3 or MP1, or a LeRobot dataset of v2.0, v2.1 or v3.0
  --format NAME     dp3-zarr or lerobot; found out where it is left out

All three:
  --out FILE        the .npz to write, as a whole or not at all
  --observations K  keys, comma separated, such as observation.state,observation.point_cloud;
                    default: all but pictures, and on collect all but clouds
  --dt-ms MS        period of a step, where the format does not record it (inspect, import)
  --image-size N    pixels; pictures become square (default 84) (inspect, import)
  --json            write the event stream to stdout instead of showing progress

Simulators and importers are extras: pip install -e 'models/python[sim,data]', then
pip install --no-deps metaworld==3.1.1.
Exit status: 0 done, 1 failed, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const [name, ...rest] = args;
    const job = name === undefined || !Object.hasOwn(jobs, name) ? undefined : jobs[name];
    if (job === undefined) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "omp data has no such job",
        observed: name ?? "nothing",
        expected: Object.keys(jobs).join(", "),
        next: "--help tells more.",
      });
    }
    const { tool, show } = job(rest);
    const json = rest.includes("--json");
    const outcome = await runTool({ args: tool, signal, json });
    if (outcome.kind === "interrupted") return 130;
    if (!json) for (const line of show(outcome.result)) console.log(line);
    return 0;
  },
};

interface Job {
  /** `omp_models`' command and its options. */
  readonly tool: readonly string[];
  /** What to tell a person of the result. */
  readonly show: (result: Readonly<Record<string, unknown>>) => readonly string[];
}

const jobs: Readonly<Record<string, (args: readonly string[]) => Job>> = {
  inspect(args) {
    const options = parseCommand(args, { ...importing, plot: text }, ["PATH"]);
    const plot = options.text("plot");
    return {
      tool: ["inspect", ...toolOptions({ ...importOptions(options), plot })],
      show: describeDemonstrations,
    };
  },
  collect(args) {
    const options = parseCommand(args, {
      task: text,
      out: text,
      episodes: text,
      "first-seed": text,
      observations: text,
      experts: text,
      json: flag,
    });
    const out = options.requiredText("out");
    const tool = toolOptions({
      task: options.requiredText("task"),
      out,
      episodes: options.integer("episodes", 10, 1, 1_000_000),
      "first-seed": options.integer("first-seed", 1_000_000, 1_000_000, 2 ** 31),
      observations: options.text("observations"),
      experts: options.text("experts"),
    });
    return { tool: ["collect", ...tool], show: describeFile };
  },
  import(args) {
    const options = parseCommand(args, { ...importing, format: text, out: text }, ["PATH"]);
    const out = options.requiredText("out");
    const format = options.choice("format", ["dp3-zarr", "lerobot"]);
    return {
      tool: ["import", ...toolOptions({ ...importOptions(options), format, out })],
      show: describeFile,
    };
  },
};

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const importing = { observations: text, "dt-ms": text, "image-size": text, json: flag };

function importOptions(options: ParsedCommand): Record<string, string | number | undefined> {
  const dtMs = options.text("dt-ms");
  if (dtMs !== undefined && !(Number(dtMs) > 0)) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "--dt-ms is not allowed",
      observed: dtMs,
      expected: "milliseconds above 0",
    });
  }
  return {
    data: options.operands[0],
    observations: options.text("observations"),
    "dt-ms": dtMs,
    "image-size": options.integer("image-size", 84, 8, 4096),
  };
}

function describeFile({
  dataset,
  episodes,
  steps,
  discarded,
}: Readonly<Record<string, unknown>>): readonly string[] {
  const others = Number(discarded) > 0 ? `; ${Number(discarded)} other episodes left out` : "";
  return [
    `${String(dataset)}: ${String(episodes)} episodes, ${String(steps)} steps${others}`,
    `Next: omp data inspect ${String(dataset)}`,
  ];
}

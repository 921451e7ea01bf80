import { parseManifest } from "../../src/bundle/manifest.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import { FileBundleReader } from "../../src/runtime/node/file-bundle-reader.ts";
import { tuningPath, tuningTarget, writeTuning } from "../../src/runtime/node/tuning.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";
import { choose, defaultMaxThreads, type Setting, settings } from "../tune/grid.ts";
import { measureSettings, type SettingResult } from "../tune/measure-settings.ts";

const RUNS = 10;
const WARM_UP_RUNS = 3;

/** Finds out how a bundle runs fastest on this device, and keeps the answer for it. */
export const tune: Command = {
  summary: "measure how a bundle runs fastest on this device, and store the choice",
  usage: `usage: omp tune BUNDLE [--provider NAME]... [--max-threads N] [--rounds N] [--onnxruntime MODULE] [--out FILE] [--json]

  --provider NAME       execution provider to try, several times (cpu)
  --max-threads N       most threads of one inference (all cores but one)
  --rounds N            turns that every setting gets, of ${RUNS} inferences (20)
  --onnxruntime MODULE  another build of onnxruntime for Node: a path or a package's name
  --out FILE            store the choice here, to be named by loadPolicy's option tuning
  --json                one JSON object with every sample

Variants, providers, threads, spinning and graph levels take turns on this device, so run it as the robot will run, with the load it
will have. A setting whose answers differ from the bundle's golden ones by more than their tolerance is left out. Of those within 5 %
of the fastest the one with the fewest threads is chosen, then the bundle's default variant.

Without --out the choice lies in $XDG_STATE_HOME/omp-edge/tuning (~/.local/state/omp-edge/tuning), and loadPolicy of the same user takes
it for exactly this bundle, these cores and this onnxruntime.
Exit status: 0 stored, 1 nothing can run the bundle, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const options = parseCommand(
      args,
      {
        provider: { type: "string", multiple: true },
        "max-threads": { type: "string" },
        rounds: { type: "string" },
        onnxruntime: { type: "string" },
        out: { type: "string" },
        json: { type: "boolean" },
      },
      ["BUNDLE"],
    );
    const maxThreads = options.integer("max-threads", defaultMaxThreads(), 1, 64);
    const rounds = options.integer("rounds", 20, 1, 10_000);
    const given = options.texts("provider");
    const providers = given.length > 0 ? given : ["cpu"];
    const onnxruntime = options.text("onnxruntime");
    const reader = new FileBundleReader(options.operands[0] ?? "");
    const manifest = parseManifest(new TextDecoder().decode(await reader.read("manifest.json")));
    const target = await tuningTarget(reader, onnxruntime);
    const isJson = options.flag("json");
    const grid = settings(manifest, { providers, maxThreads });
    if (!isJson) console.log(`${grid.length} settings on ${target.cpu}, ${target.runtime}`);
    let results: readonly SettingResult[];
    try {
      results = await measureSettings(reader, {
        settings: grid,
        turns: { rounds, runs: RUNS, warmUpRuns: WARM_UP_RUNS },
        ...(onnxruntime !== undefined && { onnxruntime }),
        onRound: () => {
          signal.throwIfAborted();
        },
      });
    } catch (error) {
      if (signal.aborted) return 130;
      throw error;
    }
    const usable = results.filter((one) => one.isUsable);
    const best = usable.length === 0 ? undefined : choose(usable, manifest.defaultVariant);
    if (!isJson) for (const line of table(results, best?.setting)) console.log(line);
    if (best === undefined) {
      throw new OmpError(ErrorCode.BackendLoadFailed, {
        what: `nothing here runs ${reader.location}`,
        observed: results.map(reasonText).join("; "),
      });
    }
    const path = options.text("out") ?? tuningPath(target);
    const measured = {
      bundle_id: manifest.bundleId,
      at: new Date().toISOString(),
      p50_us: best.p50Us,
    };
    await writeTuning(path, { target, ...best.setting }, measured);
    if (isJson)
      console.log(JSON.stringify({ stored: path, target, choice: best.setting, results }));
    else console.log(`stored ${path}`);
    return 0;
  },
};

function reasonText(result: SettingResult): string {
  return `${describe(result.setting).join(" ")}: ${result.isUsable ? "usable" : result.reason}`;
}

function describe(setting: Setting): readonly string[] {
  return [
    setting.variant,
    setting.executionProvider,
    String(setting.intraOpNumThreads),
    setting.allowSpinning ? "spin" : "sleep",
    setting.graphOptimizationLevel,
  ];
}

/** Fastest first; the chosen one is marked. */
function table(results: readonly SettingResult[], chosen: Setting | undefined): readonly string[] {
  const sorted = results.toSorted((a, b) => p50(a) - p50(b));
  const rows = [
    ["", "variant", "provider", "threads", "wait", "graph", "p50 ms", "p99 ms"],
    ...sorted.map((one) => row(one, one.setting === chosen)),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(
      ...rows.filter(({ length }) => length === 8).map((cells) => cells[column]?.length ?? 0),
    ),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function row(result: SettingResult, isChosen: boolean): readonly string[] {
  const outcome = result.isUsable
    ? [(result.p50Us / 1000).toFixed(3), (result.p99Us / 1000).toFixed(3)]
    : [result.reason.replaceAll(/\s+/g, " ")];
  return [isChosen ? "*" : "", ...describe(result.setting), ...outcome];
}

function p50(result: SettingResult): number {
  return result.isUsable ? result.p50Us : Number.POSITIVE_INFINITY;
}

import { ErrorCode, OmpError } from "../../src/errors.ts";
import { runTool, toolOptions } from "../../../models/src/run-tool.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";

const CONFIG = "models/study/grid.yaml";
const RESULTS = "models/study/results.jsonl";
const WORK = "models/runs/study";
const REPORT = "models/RESULTS.md";

/** Compares methods over tasks and seeds, in as many sittings as it takes. */
export const study: Command = {
  summary: "compare methods over tasks and seeds; resumable; writes RESULTS.md",
  usage: `usage: omp study run [--config FILE] [--results FILE] [--work DIR] [--experts DIR] [--limit-minutes M] [--device NAME]
       omp study report [--config FILE] [--results FILE] [--out FILE]

  --config FILE      grid of tasks, methods and seeds (default ${CONFIG})
  --results FILE     a line a finished cell (default ${RESULTS})
  --work DIR         demonstrations and unfinished runs (default ${WORK})
  --experts DIR      DAPG policies <task>.npz, for adroit tasks
  --limit-minutes M  begin no cell after this time
  --device NAME      of the training: cpu or cuda
  --out FILE         the report (default ${REPORT})
  --json             write the event stream to stdout instead of showing progress

A cell is trained, exported, and judged by "omp eval" with this runtime in the loop. Ctrl-C ends after the current
optimiser step; the same command goes on. Cells of a grid that was changed since are run again. A cell that fails is told,
and the others go on.
Exit status: 0 done, 1 failed, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const options = parseCommand(
      args,
      {
        config: { type: "string" },
        results: { type: "string" },
        work: { type: "string" },
        experts: { type: "string" },
        "limit-minutes": { type: "string" },
        device: { type: "string" },
        out: { type: "string" },
        json: { type: "boolean" },
      },
      ["run|report"],
    );
    const [job] = options.operands;
    if (job !== "run" && job !== "report") {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "omp study does two things",
        observed: job ?? "nothing",
        expected: "run or report",
      });
    }
    const files = {
      config: options.text("config") ?? CONFIG,
      results: options.text("results") ?? RESULTS,
    };
    const tool =
      job === "report"
        ? { ...files, out: options.text("out") ?? REPORT }
        : {
            ...files,
            work: options.text("work") ?? WORK,
            experts: options.text("experts"),
            "limit-minutes":
              options.text("limit-minutes") === undefined
                ? undefined
                : options.integer("limit-minutes", 0, 0, 1_000_000),
            device: options.choice("device", ["cpu", "cuda"]),
            node: process.execPath,
            omp: process.argv[1],
          };
    const json = options.flag("json");
    const outcome = await runTool({ args: [`study-${job}`, ...toolOptions(tool)], signal, json });
    if (outcome.kind === "interrupted") return 130;
    const { cells, finished, failed = 0 } = outcome.result;
    if (!json) console.log(`${String(finished)} of ${String(cells)} cells finished`);
    return failed === 0 ? 0 : 1;
  },
};

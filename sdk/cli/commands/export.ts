import { join } from "node:path";

import { runTool, toolOptions } from "../../../models/src/run-tool.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";

/** Turns a finished run into a bundle. */
export const exportCommand: Command = {
  summary: "turn a finished run into a bundle: fp32 and INT8 graphs, golden outputs, hashes",
  usage: `usage: omp export --run RUN --out BUNDLE [--data FILE] [--bundle-id NAME]

  --run RUN         directory of a finished omp train
  --out BUNDLE      directory of the bundle; an older bundle there is replaced as a whole
  --data FILE       demonstrations of the run, .npz (default RUN/demonstrations.npz); they set the
                    quantizer's ranges
  --bundle-id NAME  default: that of the run's recipe
  --json            write the event stream to stdout instead of showing progress

The fp32 graph must agree with PyTorch to 1e-5 in normalised units, or nothing is written. PyTorch, fp32 and INT8
then drive the same episodes of the recipe's world, and the manifest says how many succeeded.
Ctrl-C leaves BUNDLE as it was. Exit status: 0 written, 1 failed, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const options = parseCommand(args, {
      run: { type: "string" },
      out: { type: "string" },
      data: { type: "string" },
      "bundle-id": { type: "string" },
      json: { type: "boolean" },
    });
    const [run, out] = [options.requiredText("run"), options.requiredText("out")];
    const json = options.flag("json");
    const data = options.text("data") ?? join(run, "demonstrations.npz");
    const tool = toolOptions({ run, data, out, "bundle-id": options.text("bundle-id") });
    const outcome = await runTool({ args: ["export", ...tool], signal, json });
    if (outcome.kind === "interrupted") return 130;
    if (!json) {
      const { bundle, bytes } = outcome.result;
      console.log(`${String(bundle)}: ${(Number(bytes) / 1e6).toFixed(1)} MB`);
      console.log(`Next: omp inspect ${out}, omp verify ${out}`);
    }
    return 0;
  },
};

import { existsSync } from "node:fs";
import { join } from "node:path";

import { runTool, toolOptions } from "../../../models/src/run-tool.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";

/** Trains a policy, collecting demonstrations first where none are given. */
export const train: Command = {
  summary: "train a policy from demonstrations; Ctrl-C leaves a checkpoint",
  usage: `usage: omp train --config RECIPE --out RUN [--data FILE] [--device cpu|cuda]
                 [--set KEY=VALUE]

  --config RECIPE  what to train: a YAML or JSON file such as
                   models/python/configs/so101-push.json; given several times, later files are
                   laid over earlier ones, as one of configs/methods/ over a task
  --out RUN        directory of the run: checkpoint, then policy.safetensors
  --data FILE      demonstrations, .npz; without it the recipe's world is demonstrated by its
                   expert into RUN/demonstrations.npz, once
  --device NAME    where to train: cpu (default) or cuda
  --set KEY=VALUE  change the recipe, as in train.policy.objective=mp1; may be given several times
  --json           write the event stream to stdout instead of showing progress

Ctrl-C stops after the current step and leaves a checkpoint; the same command goes on from it.
A second Ctrl-C ends at once; the last checkpoint stays good.
Needs Python 3.11 with the packages of models/python/requirements.txt (OMP_PYTHON names another one).
Exit status: 0 trained, 1 failed, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const options = parseCommand(args, {
      config: { type: "string", multiple: true },
      out: { type: "string" },
      data: { type: "string" },
      device: { type: "string" },
      set: { type: "string", multiple: true },
      json: { type: "boolean" },
    });
    const recipe = [
      ...options.requiredTexts("config").flatMap((file) => ["--config", file]),
      ...options.texts("set").flatMap((change) => ["--set", change]),
    ];
    const out = options.requiredText("out");
    const device = options.choice("device", ["cpu", "cuda"]);
    const json = options.flag("json");
    const data = options.text("data") ?? join(out, "demonstrations.npz");
    if (options.text("data") === undefined && !existsSync(data)) {
      const collected = await runTool({
        args: ["collect", ...recipe, ...toolOptions({ out: data })],
        signal,
        json,
      });
      if (collected.kind === "interrupted") return 130;
    }
    const trained = await runTool({
      args: ["train", ...recipe, ...toolOptions({ data, out, device })],
      signal,
      json,
    });
    if (trained.kind === "interrupted") return 130;
    if (!json) {
      console.log(`${String(trained.result["policy"])}: ${String(trained.result["step"])} steps`);
      console.log(`Next: omp export --run ${out}${exportData(options.text("data"))} --out BUNDLE`);
    }
    return 0;
  },
};

function exportData(data: string | undefined): string {
  return data === undefined ? "" : ` --data ${data}`;
}

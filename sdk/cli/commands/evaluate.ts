import { runTool, toolOptions } from "../../../models/src/run-tool.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";

/** Measures success in the simulated world, in the Python reference. */
export const evaluate: Command = {
  summary: "measure a bundle's success in the simulated world",
  usage: `usage: omp evaluate BUNDLE [--policy int8|fp32|torch] [--episodes N] [--first-seed N]

  --policy NAME     what drives: int8 (default), fp32, or torch, the policy as it was trained
  --episodes N      default 100
  --first-seed N    episodes use ascending seeds from here (default 0); demonstrations use none below 1000000
  --json            write the event stream to stdout instead of showing progress

Runs the Python reference, without firmware and without real time; "omp demo" runs the robot's own pipeline.
Exit status: 0 measured, 1 failed, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const options = parseCommand(
      args,
      {
        policy: { type: "string" },
        episodes: { type: "string" },
        "first-seed": { type: "string" },
        json: { type: "boolean" },
      },
      ["BUNDLE"],
    );
    const json = options.flag("json");
    const tool = toolOptions({
      bundle: options.operands[0],
      policy: options.choice("policy", ["int8", "fp32", "torch"]),
      episodes: options.integer("episodes", 100, 1, 1_000_000),
      "first-seed": options.integer("first-seed", 0, 0, 2 ** 31),
    });
    const outcome = await runTool({ args: ["evaluate", ...tool], signal, json });
    if (outcome.kind === "interrupted") return 130;
    if (!json) {
      const { policy, successes, episodes, max_velocity, max_acceleration } = outcome.result;
      console.log(
        `${String(policy)}: ${String(successes)} of ${String(episodes)} episodes succeeded`,
      );
      console.log(
        `largest velocity ${String(max_velocity)} rad/s, largest acceleration ${String(max_acceleration)} rad/s²`,
      );
    }
    return 0;
  },
};

import { writeFile } from "node:fs/promises";

import { describeEvaluation } from "../../../models/src/evaluation-report.ts";
import { trainingWorld } from "../../../models/src/fresh-demonstrations.ts";
import { runTool, toolOptions } from "../../../models/src/run-tool.ts";
import { parseKeyMap } from "../../../models/src/serve/key-map.ts";
import { PolicyServer } from "../../../models/src/serve/policy-server.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import { loadPolicy } from "../../src/runtime/node/load-policy.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";

const RUNTIME = "runtime";
const POLICIES = [RUNTIME, "torch", "fp32", "int8"];

/** Measures success in the task's simulator, with this runtime in the loop. */
export const evalCommand: Command = {
  summary: "measure a bundle's success in its task's simulator, with this runtime in the loop",
  usage: `usage: omp eval BUNDLE [--task NAME] [--policy NAME] [--against NAME] [--episodes N] [--first-seed N]

  --task NAME       push, metaworld/<task>, adroit/<task>; default: what the bundle was trained for
  --policy NAME     what drives: runtime (default), this process over WebSocket; torch, the policy as it was
                    trained; fp32 or int8, its graphs in Python's onnxruntime
  --against NAME    another of these, on the same seeds: discordant pairs and McNemar's exact p
  --variant NAME    graph that the runtime runs; default: the manifest's
  --episodes N      default 100
  --first-seed N    episodes use ascending seeds from here (default 0); demonstrations use none below 1000000
  --video PATH      films the first policy: a .mp4 file (needs ffmpeg) or a folder of PNG files (needs OpenGL)
  --json FILE       writes the whole outcome, with every failed seed

The simulator runs in Python; it waits for the policy, so times are measured and do not count.
"omp demo" runs the robot's own pipeline in real time.
Exit status: 0 measured, 1 failed, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const options = parseCommand(
      args,
      {
        task: { type: "string" },
        policy: { type: "string" },
        against: { type: "string" },
        variant: { type: "string" },
        episodes: { type: "string" },
        "first-seed": { type: "string" },
        video: { type: "string" },
        json: { type: "string" },
      },
      ["BUNDLE"],
    );
    const bundle = options.operands[0] ?? "";
    const policyName = options.choice("policy", POLICIES) ?? RUNTIME;
    const against = options.choice("against", POLICIES);
    const episodes = options.integer("episodes", 100, 1, 1_000_000);
    const firstSeed = options.integer("first-seed", 0, 0, 2 ** 31);
    const variant = options.text("variant");
    const policy = await loadPolicy(bundle, variant === undefined ? {} : { variant });
    try {
      const { manifest } = policy;
      const server = await PolicyServer.open(policy, {
        host: "127.0.0.1",
        port: 0,
        keyMap: parseKeyMap([], manifest.observations),
        firstSeed,
        maxConnections: 1,
        maxMessageBytes: 100_000_000,
      });
      try {
        const outcome = await runTool({
          args: [
            "rollout",
            ...toolOptions({
              task: options.text("task") ?? trainingWorld(manifest) ?? refuseTask(bundle),
              bundle,
              url: server.url,
              policy: policyName,
              against,
              episodes,
              "first-seed": firstSeed,
              video: options.text("video"),
            }),
          ],
          signal,
          json: false,
        });
        if (outcome.kind === "interrupted") return 130;
        const graph = variant ?? manifest.defaultVariant;
        const names = { [RUNTIME]: `${RUNTIME} ${graph}` };
        console.log(describeEvaluation(outcome.result, names).join("\n"));
        const file = options.text("json");
        if (file !== undefined) {
          const { task, policies, paired } = outcome.result;
          const report = {
            bundle_id: manifest.bundleId,
            runtime: policy.info.runtime,
            runtime_variant: graph,
            task,
            policies,
            paired,
          };
          await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
        }
      } finally {
        await server.close();
      }
    } finally {
      await policy.close();
    }
    return 0;
  },
};

function refuseTask(bundle: string): never {
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: `${bundle} does not say what task it was trained for`,
    next: "Name it with --task.",
  });
}

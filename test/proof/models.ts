import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { numberAt } from "../../models/src/bundle-report.ts";
import { repositoryPath } from "../support/repository.ts";
import { figure, type Proof } from "./measurement.ts";
import { runModule, runTool } from "./python-tool.ts";

const run = promisify(execFile);
const bundle = repositoryPath("models", "bundles", "so101-push");
const PAIRS = 300;
const LATENCY_ROUNDS = 200;

/** What the host tool promises of a graph: fewer weights, the same values, the same success, the memory of training. */
export const models: Proof = {
  summary: "specialized graph, INT8 against fp32 on paired episodes, derivative, training memory",

  async measure(say) {
    say(`specialized against plain graph, ${LATENCY_ROUNDS} interleaved rounds, one thread`);
    const graph = await runTool(["bench-graph", "--rounds", String(LATENCY_ROUNDS)]);
    say(`INT8 in this runtime against PyTorch fp32, the same ${PAIRS} episodes`);
    const success = await measureSuccess();
    say("central difference against forward mode on the bundle's network");
    const checkpoint = join(bundle, "checkpoint.safetensors");
    const derivative = await runModule("derivative_error", ["--checkpoint", checkpoint]);
    say("peak memory of training steps, each way in a process of its own");
    const memory = await runModule("memory", ["--json"]);
    const megabytes = (way: string): number =>
      numberAt(memory, way, "above_start_mb") ?? Number.NaN;
    return {
      weights_ratio_h4: numberAt(graph, "weights_ratio_h4") ?? Number.NaN,
      specialized_max_abs_diff: numberAt(graph, "specialized_max_abs_diff") ?? Number.NaN,
      specialized_speedup_p50: numberAt(graph, "specialized_speedup_p50") ?? Number.NaN,
      int8_pairs: PAIRS,
      int8_success: success.int8,
      fp32_success: success.fp32,
      dde_vs_jvp_rel_err: numberAt(derivative, "mean") ?? Number.NaN,
      memory_mb: {
        jvp_create_graph: megabytes("jvp_create_graph"),
        jvp_forward: megabytes("jvp_forward"),
        dde: megabytes("dde"),
      },
    };
  },

  judge(figures) {
    const rules: readonly (readonly [boolean, string])[] = [
      [
        figure(figures, "weights_ratio_h4") <= 1 / 3,
        "at most a third of the published network's weights",
      ],
      [figure(figures, "specialized_max_abs_diff") <= 1e-5, "a specialized graph within 1e-5"],
      [figure(figures, "specialized_speedup_p50") > 1, "a specialized graph that is faster"],
      [
        figure(figures, "int8_success") >= figure(figures, "fp32_success") - 0.02,
        "INT8 within 2 points of fp32",
      ],
      [
        figure(figures, "dde_vs_jvp_rel_err") <= 1e-3,
        "a central difference within 1e-3 of forward mode",
      ],
      [
        figure(figures, "memory_mb", "dde") < figure(figures, "memory_mb", "jvp_create_graph") &&
          figure(figures, "memory_mb", "dde") < figure(figures, "memory_mb", "jvp_forward"),
        "less training memory by central difference than with a graph through the derivative",
      ],
    ];
    return rules.filter(([holds]) => !holds).map(([, rule]) => rule);
  },
};

/** Shares of the same episodes, driven by this runtime with INT8 and by PyTorch. */
async function measureSuccess(): Promise<{ readonly int8: number; readonly fp32: number }> {
  const folder = await mkdtemp(join(tmpdir(), "omp-proof-"));
  try {
    const file = join(folder, "eval.json");
    const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
    const options = ["--variant", "int8", "--against", "torch", "--episodes", String(PAIRS)];
    await run(process.execPath, [omp, "eval", bundle, ...options, "--json", file], {
      maxBuffer: 2 ** 26,
    });
    const report: unknown = JSON.parse(await readFile(file, "utf8"));
    const share = (index: string): number =>
      (numberAt(report, "policies", index, "successes") ?? Number.NaN) / PAIRS;
    return { int8: share("0"), fp32: share("1") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

import { join } from "node:path";

import { randomBundle } from "../bench/bench-cache.ts";
import { measureColdStart } from "../bench/cold-start.ts";
import { pairedRatio, quantile, type Turns } from "../../sdk/cli/tune/take-turns.ts";
import { measureWays, type Way } from "../bench/inference.ts";
import { measureSensorToWire } from "../bench/sensor-to-wire.ts";

/** The part of `proof -- realtime` about inference: medians, and ratios as `pairedRatio` forms them. */
export interface RealtimeInference {
  /**
   * `policy.act` as a user calls it, over the bare C API's `Run`: the published network of the task (255 M weights), INT8, one
   * thread each. The same for the 13 M network, with and without the worker thread, is in `raw`.
   */
  readonly policy_vs_c_api_p50: number;
  /** PyTorch eager over `policy.act`, the published network of the task, one thread each. */
  readonly torch_eager_vs_policy_p50: number;
  /** The same network sampled in 10 DDIM steps by onnxruntime, as PyTorch exports it, over `policy.act`. */
  readonly ddim10_vs_policy_p50: number;
  /** From a sample to its chunk on the serial line, without the evaluation of the network, ms. */
  readonly overhead_ms_p50: number;
  /** From the start of a process to the first chunk of the 13 M bundle, ms. */
  readonly cold_start_ms: number;
  /** Every sample behind the figures. */
  readonly raw: Readonly<Record<string, readonly number[]>>;
}

/** The ways of one network that take turns. Long ones apart from short ones, which need more samples. */
const comparisons: readonly {
  readonly network: "small" | "full";
  readonly ways: readonly Way[];
  readonly turns: Turns;
}[] = [
  { network: "full", ways: ["c_api", "policy"], turns: { rounds: 60, runs: 5, warmUpRuns: 2 } },
  {
    network: "full",
    ways: ["policy", "torch_eager", "ddim10"],
    turns: { rounds: 15, runs: 2, warmUpRuns: 1 },
  },
  {
    network: "small",
    ways: ["c_api", "policy", "policy_this_thread"],
    turns: { rounds: 50, runs: 20, warmUpRuns: 3 },
  },
];
const graphs = { small: [], full: ["ddim10", "ddim10.folded"] };
const chunks = 75;
const coldStarts = 11;

/**
 * @throws {OmpError} TOOL_FAILED without PyTorch, without a C compiler, or when the machine is too busy for the loop
 */
export async function measureRealtimeInference(
  say: (line: string) => void,
): Promise<RealtimeInference> {
  const raw: Record<string, readonly number[]> = {};
  for (const [i, { network, ways, turns }] of comparisons.entries()) {
    const measured = await measureWays({ network, graphs: graphs[network], ways, turns }, say);
    for (const [way, us] of Object.entries(measured)) raw[`${i}_${network}_${way}_us`] = us;
  }
  say(`${chunks} chunks from the sample to the serial line`);
  const { overheadMs } = await measureSensorToWire(chunks);
  raw["overhead_ms"] = overheadMs;
  say(`${coldStarts} processes from their start to the first chunk`);
  const folder = await randomBundle("small", graphs.small, say);
  const { firstChunkMs } = await measureColdStart(join(folder, "bundle"), coldStarts);
  raw["cold_start_ms"] = firstChunkMs;
  const p50 = (name: string): number => quantile(raw[name] ?? [], 0.5);
  const ratio = (comparison: number, slow: Way, fast: Way): number => {
    const { network, turns } = comparisons[comparison] ?? { network: "", turns: { runs: 1 } };
    const samples = (way: Way): readonly number[] =>
      raw[`${comparison}_${network}_${way}_us`] ?? [];
    return pairedRatio(samples(slow), samples(fast), turns.runs);
  };
  return {
    policy_vs_c_api_p50: ratio(0, "policy", "c_api"),
    torch_eager_vs_policy_p50: ratio(1, "torch_eager", "policy"),
    ddim10_vs_policy_p50: ratio(1, "ddim10", "policy"),
    overhead_ms_p50: p50("overhead_ms"),
    cold_start_ms: p50("cold_start_ms"),
    raw,
  };
}

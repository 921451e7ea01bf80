import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { ticksSkip } from "../bench/ticks.ts";
import { firmwareMissing } from "../support/pty-robot.ts";
import { figure, type Proof } from "./measurement.ts";
import { measureRealtimeInference } from "./realtime-inference.ts";
import { measureRealtimeLoop } from "./realtime-loop.ts";

/** A robot computer in real time: inference, and the thread of the loop. Takes about half an hour, and an idle machine. */
export const realtime: Proof = {
  summary:
    "inference against C, PyTorch and DDIM; ticks against C; waypoints and heap of a control thread",

  async measure(say) {
    const missing = firmwareMissing === false ? ticksSkip : firmwareMissing;
    if (missing !== undefined) {
      throw new OmpError(ErrorCode.ToolFailed, { what: `no proof: ${missing}` });
    }
    const { raw: _loopSamples, ...loop } = await measureRealtimeLoop(say);
    const { raw: _inferenceSamples, ...inference } = await measureRealtimeInference(say);
    return { ...inference, ...loop };
  },

  judge(figures) {
    const rules: readonly (readonly [boolean, string])[] = [
      [figure(figures, "policy_vs_c_api_p50") <= 1.05, "a policy call of at most 1.05 C API calls"],
      [figure(figures, "torch_eager_vs_policy_p50") >= 10, "10 times the speed of PyTorch eager"],
      [figure(figures, "ddim10_vs_policy_p50") >= 10, "10 times the speed of 10 DDIM steps"],
      [figure(figures, "overhead_ms_p50") <= 0.3, "0.3 ms from sample to wire besides the network"],
      [figure(figures, "missed_waypoints") === 0, "no waypoint missed with a blocked main thread"],
      [figure(figures, "tick_500hz_p99_vs_c") <= 2, "ticks at most twice as late as those of C"],
      [figure(figures, "heap_growth_bytes") === 0, "a heap that does not grow in ten minutes"],
      [figure(figures, "cold_start_ms") <= 1000, "a first action a second after the start"],
    ];
    return rules.filter(([holds]) => !holds).map(([, rule]) => rule);
  },
};

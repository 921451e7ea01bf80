import type { HandoverOptions } from "../../sdk/src/handover/handover-options.ts";
import type { SamplingOptions } from "../../sdk/src/sampling/sampling-options.ts";

/** One way to get from chunk to chunk. */
export interface HandoverCase {
  readonly name: string;
  readonly handover: HandoverOptions;
  readonly sampling: SamplingOptions;
}

/** One task of the push world. */
export interface HandoverTask {
  readonly name: string;
  /** Of the puck's centre around the goal's, m. */
  readonly successRadius: number;
  /** From one chunk to the next, steps of 50 ms. */
  readonly nActionSteps: number;
}

/** The first is the bundled one. */
export const tasks: readonly HandoverTask[] = [
  { name: "as bundled", successRadius: 0.02, nActionSteps: 8 },
  { name: "precise, replanning often", successRadius: 0.005, nActionSteps: 2 },
];

export const delaysMs: readonly number[] = [0, 20, 50, 100];

const joined = (name: string, handover: HandoverOptions): HandoverCase => ({
  name,
  handover,
  sampling: {},
});
const drawn = (name: string, sampling: SamplingOptions): HandoverCase => ({
  name,
  handover: { strategy: "replace" },
  sampling,
});

export const cases: readonly HandoverCase[] = [
  joined("replace", { strategy: "replace" }),
  joined("fade 100 ms", { strategy: "fade", fadeMs: 100 }),
  joined("fade 200 ms", { strategy: "fade", fadeMs: 200 }),
  joined("fade 400 ms", { strategy: "fade", fadeMs: 400 }),
  joined("ensemble, equal", { strategy: "ensemble", fadeMs: 200, ensembleRate: 0 }),
  joined("ensemble, oldest heaviest", { strategy: "ensemble", fadeMs: 200, ensembleRate: 3 }),
  joined("ensemble, newest heaviest", { strategy: "ensemble", fadeMs: 200, ensembleRate: -5 }),
  joined("replace, cubic of 5", { strategy: "replace", pointsPerStep: 5 }),
  joined("fade 200 ms, cubic of 2", { strategy: "fade", fadeMs: 200, pointsPerStep: 2 }),
  joined("fade 200 ms, cubic of 5", { strategy: "fade", fadeMs: 200, pointsPerStep: 5 }),
  joined("ensemble, equal, cubic of 5", {
    strategy: "ensemble",
    fadeMs: 200,
    ensembleRate: 0,
    pointsPerStep: 5,
  }),
  joined("ensemble, newest heaviest, cubic of 5", {
    strategy: "ensemble",
    fadeMs: 200,
    ensembleRate: -5,
    pointsPerStep: 5,
  }),
  drawn("fixed noise", { noise: "fixed" }),
  drawn("zero noise", { noise: "zero" }),
  drawn("warm start 0.5", { warmStartTau: 0.5 }),
  drawn("warm start 0.85", { warmStartTau: 0.85 }),
  drawn("warm start 0.95", { warmStartTau: 0.95 }),
];

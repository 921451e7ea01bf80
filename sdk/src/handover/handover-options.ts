import type { Manifest } from "../bundle/manifest.ts";
import { ErrorCode, OmpError } from "../errors.ts";
import type { OptionSpec } from "../options.ts";
import { type ChunkHandover, replace } from "./chunk-handover.ts";
import { CubicResample } from "./cubic-resample.ts";
import { OffsetFade } from "./offset-fade.ts";
import { TemporalEnsemble } from "./temporal-ensemble.ts";

export type HandoverStrategy = "replace" | "fade" | "ensemble";

export interface HandoverNumbers {
  readonly fadeMs: number;
  readonly ensembleRate: number;
  readonly pointsPerStep: number;
}

/** How chunks join; see {@link handoverOptions} for units, ranges and defaults of the numbers. */
export interface HandoverOptions extends Partial<HandoverNumbers> {
  /** Default `ensemble`. */
  readonly strategy?: HandoverStrategy;
  /** Names of joints that jump to the new chunk: a gripper that is either open or closed. Default none. */
  readonly snapJoints?: readonly string[];
}

/** Unit, range, default and meaning of every number. */
export const handoverOptions: Readonly<Record<keyof HandoverNumbers, OptionSpec>> = {
  fadeMs: {
    unit: "ms",
    min: 1,
    max: 10_000,
    default: 200,
    doc: "ensemble: a chunk gains and loses weight over this long. fade: the difference to the new chunk is gone after this long; when left out, after the time from chunk to chunk, at most 400 ms.",
  },
  ensembleRate: {
    unit: "1/s",
    min: -100,
    max: 100,
    default: -5,
    doc: "ensemble: a chunk weighs exp(rate · its age); above 0 the oldest weighs most, below 0 the newest.",
  },
  pointsPerStep: {
    unit: "waypoints",
    min: 1,
    max: 50,
    default: 1,
    doc: "Waypoints on a cubic for every step of the policy; 1 keeps its straight ramps. A step must divide into whole ms.",
  },
};

/** A fade that is longer than the time from chunk to chunk never arrives at any of them. */
const MAX_DEFAULT_FADE_MS = 400;

/** @throws {OmpError} INVALID_ARGUMENT naming the option */
export function createHandover(
  { policy, action }: Pick<Manifest, "policy" | "action">,
  options: HandoverOptions = {},
): ChunkHandover {
  const { strategy = "ensemble", snapJoints = [] } = options;
  const known = ["strategy", "snapJoints", ...Object.keys(handoverOptions)];
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw refusal("there is no hand-over option", name, known.join(", "));
  }
  for (const name of snapJoints) {
    if (action.names.includes(name)) continue;
    throw refusal("snapJoints names no joint of the policy", name, action.names.join(", "));
  }
  const fadeMs =
    strategy === "fade" && options.fadeMs === undefined
      ? Math.min(MAX_DEFAULT_FADE_MS, policy.nActionSteps * policy.dtMs)
      : numberOf(options, "fadeMs");
  const rate = numberOf(options, "ensembleRate");
  const pointsPerStep = numberOf(options, "pointsPerStep");
  if (!Number.isInteger(pointsPerStep) || !Number.isInteger(policy.dtMs / pointsPerStep)) {
    throw refusal(
      "pointsPerStep does not divide the policy's step",
      `${policy.dtMs} ms / ${pointsPerStep}`,
      "whole ms",
    );
  }
  const isBlended = action.names.map((name) => !snapJoints.includes(name));
  const coarse = createStrategy(strategy, policy, { fadeMs, rate, isBlended });
  if (pointsPerStep === 1) return coarse;
  return new CubicResample(coarse, pointsPerStep, policy.horizon, isBlended);
}

function createStrategy(
  strategy: string,
  { horizon, actionStartIndex, nActionSteps }: Manifest["policy"],
  { fadeMs, rate, isBlended }: { fadeMs: number; rate: number; isBlended: readonly boolean[] },
): ChunkHandover {
  switch (strategy) {
    case "replace":
      return replace;
    case "fade":
      return new OffsetFade(fadeMs, isBlended);
    case "ensemble": {
      const capacity = Math.ceil((horizon - actionStartIndex) / nActionSteps) + 1;
      const options = { capacity, rate, taperMs: fadeMs, isBlended };
      return new TemporalEnsemble(options, horizon, isBlended.length);
    }
    default:
      throw refusal("there is no hand-over strategy", strategy, "replace, fade or ensemble");
  }
}

function numberOf(options: HandoverOptions, name: keyof HandoverNumbers): number {
  const { min, max, unit, default: fallback } = handoverOptions[name];
  const value = options[name] ?? fallback;
  if (value >= min && value <= max) return value;
  throw refusal(`hand-over option ${name} is out of range`, `${value}`, `${min} to ${max} ${unit}`);
}

function refusal(what: string, observed: string, expected: string): OmpError {
  return new OmpError(ErrorCode.InvalidArgument, { what, observed, expected });
}

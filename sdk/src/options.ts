import { ErrorCode, OmpError } from "./errors.ts";

/** Unit, range, default and meaning of one number; validation and documentation read this table. */
export interface OptionSpec {
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly default: number;
  readonly doc: string;
}

/** Numbers of a `ControlLoop`; see {@link controlLoopOptions} for units, ranges and defaults. */
export interface ControlLoopOptions {
  readonly tickHz: number;
  readonly leaseMs: number;
  readonly staleFaultMs: number;
  readonly inferenceTimeoutMs: number;
  readonly jointStateTimeoutMs: number;
  readonly minLeadMs: number;
  readonly maxFirstStepRatio: number;
  readonly maxSpread: number;
  readonly uncertainHoldMs: number;
  readonly excessToleranceMs: number;
}

/** Unit, range, default and meaning of every option. */
export const controlLoopOptions: Readonly<Record<keyof ControlLoopOptions, OptionSpec>> = {
  tickHz: {
    unit: "Hz",
    min: 1,
    max: 1000,
    default: 100,
    doc: "Supervision rate: heartbeats, staleness checks, start of inferences.",
  },
  leaseMs: {
    unit: "ms",
    min: 20,
    max: 1000,
    default: 100,
    doc: "The controller stops by itself this long after the last sign of life.",
  },
  staleFaultMs: {
    unit: "ms",
    min: 1,
    max: 60_000,
    default: 500,
    doc: "Holding for a fresh observation, or for effort and following error back within their limits, becomes a fault after this long.",
  },
  inferenceTimeoutMs: {
    unit: "ms",
    min: 1,
    max: 60_000,
    default: 500,
    doc: "An inference that has not answered by then is a fault.",
  },
  jointStateTimeoutMs: {
    unit: "ms",
    min: 1,
    max: 10_000,
    default: 250,
    doc: "A link whose newest joint state is older than this is lost.",
  },
  minLeadMs: {
    unit: "ms",
    min: 0,
    max: 1000,
    default: 5,
    doc: "A waypoint's ramp begins at least this long after it is handed to the link, or as long as the controller asks for if that is more.",
  },
  maxFirstStepRatio: {
    unit: "steps at full velocity",
    min: 1,
    max: 100,
    default: 3,
    doc: "A chunk that begins farther than this from the current command is refused.",
  },
  maxSpread: {
    unit: "network units",
    min: 0,
    max: 10,
    default: 0.5,
    doc: "The arm holds instead of following a chunk whose samples disagree by more, where the policy draws several (spreadSamples).",
  },
  uncertainHoldMs: {
    unit: "ms",
    min: 0,
    max: 60_000,
    default: 250,
    doc: "How long the arm holds because of maxSpread before the policy is asked again.",
  },
  excessToleranceMs: {
    unit: "ms",
    min: 0,
    max: 1000,
    default: 30,
    doc: "The arm holds when a joint's effort or following error has been past its limit for this long.",
  },
};

/** @throws {OmpError} INVALID_ARGUMENT naming the option */
export function resolveOptions(given: Partial<ControlLoopOptions> = {}): ControlLoopOptions {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(controlLoopOptions, name)) continue;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `there is no option ${name}`,
      expected: Object.keys(controlLoopOptions).join(", "),
    });
  }
  const resolve = (name: keyof ControlLoopOptions): number => {
    const { min, max, unit, default: fallback } = controlLoopOptions[name];
    const value = given[name] ?? fallback;
    if (Number.isFinite(value) && value >= min && value <= max) return value;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `option ${name} is out of range`,
      observed: String(value),
      expected: `${min} to ${max} ${unit}`,
    });
  };
  return {
    tickHz: resolve("tickHz"),
    leaseMs: resolve("leaseMs"),
    staleFaultMs: resolve("staleFaultMs"),
    inferenceTimeoutMs: resolve("inferenceTimeoutMs"),
    jointStateTimeoutMs: resolve("jointStateTimeoutMs"),
    minLeadMs: resolve("minLeadMs"),
    maxFirstStepRatio: resolve("maxFirstStepRatio"),
    maxSpread: resolve("maxSpread"),
    uncertainHoldMs: resolve("uncertainHoldMs"),
    excessToleranceMs: resolve("excessToleranceMs"),
  };
}

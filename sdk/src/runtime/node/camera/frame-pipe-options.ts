import { ErrorCode, OmpError } from "../../../errors.ts";
import type { OptionSpec } from "../../../options.ts";

/** Where raw frames come from. */
export type FrameSource =
  /**
   * A program and its arguments, run without a shell, that writes frames to its standard output: GStreamer with `fdsink`, FFmpeg with
   * `pipe:1`, anything. It is this program that is killed when it stalls, not what it starts in turn.
   */
  | { readonly command: readonly string[] }
  /** Path of a FIFO that somebody else writes to. */
  | { readonly fifo: string };

/** Numbers of a `FramePipe`; see {@link framePipeOptions} for units, ranges and defaults. */
export interface FramePipeNumbers {
  readonly rateHz: number;
  readonly latencyMs: number;
  readonly maxRestarts: number;
  readonly restartDelayMs: number;
  readonly stallMs: number;
}

/** What has no usable default must be said: rate, latency, and whether a source that ended is begun anew. */
export type FramePipeOptions = Pick<FramePipeNumbers, "rateHz" | "latencyMs" | "maxRestarts"> &
  Partial<FramePipeNumbers> & { readonly source: FrameSource };

/** Unit, range, default and meaning of every number. */
export const framePipeOptions: Readonly<Record<keyof FramePipeNumbers, OptionSpec>> = {
  rateHz: {
    unit: "Hz",
    min: 0.1,
    max: 1000,
    default: Number.NaN,
    doc: "Rate of the frames. One that comes out of its turn has waited somewhere and is dropped.",
  },
  latencyMs: {
    unit: "ms",
    min: 0,
    max: 10_000,
    default: Number.NaN,
    doc: "From the moment a frame shows to its first byte here, as measured for this camera.",
  },
  maxRestarts: {
    unit: "times",
    min: 0,
    max: 1_000_000_000,
    default: Number.NaN,
    doc: "How often a source that ended or stalled is begun anew; 0 is never.",
  },
  restartDelayMs: {
    unit: "ms",
    min: 0,
    max: 60_000,
    default: 500,
    doc: "From the end of a source to its restart.",
  },
  stallMs: {
    unit: "ms",
    min: 10,
    max: 60_000,
    default: 5000,
    doc: "A source that sends no byte for this long has stalled; a command is then killed.",
  },
};

/** @throws {OmpError} INVALID_ARGUMENT naming the option */
export function resolveFramePipeOptions(
  options: FramePipeOptions,
): FramePipeNumbers & { readonly source: FrameSource } {
  const { source } = options;
  if ("command" in source ? !source.command[0] : source.fifo === "") {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "a frame pipe has no source",
      observed: JSON.stringify(source),
      expected: "a command with its arguments, or the path of a FIFO",
    });
  }
  const resolve = (name: keyof FramePipeNumbers): number => {
    const { min, max, unit, default: fallback } = framePipeOptions[name];
    const value = options[name] ?? fallback;
    if (value >= min && value <= max) return value;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `option ${name} of a frame pipe is out of range`,
      observed: String(value),
      expected: `${min} to ${max} ${unit}`,
    });
  };
  return {
    source,
    rateHz: resolve("rateHz"),
    latencyMs: resolve("latencyMs"),
    maxRestarts: resolve("maxRestarts"),
    restartDelayMs: resolve("restartDelayMs"),
    stallMs: resolve("stallMs"),
  };
}

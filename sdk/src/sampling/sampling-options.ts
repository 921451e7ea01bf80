import { ErrorCode, OmpError } from "../errors.ts";

/** `seeded`: drawn on from chunk to chunk. `fixed`: the first draw of an episode stands for all of it. `zero`: no noise. */
export type NoiseMode = "seeded" | "fixed" | "zero";

/** How a policy draws its chunks. What is trained and evaluated is the default. */
export interface SamplingOptions {
  /** Default `seeded`. */
  readonly noise?: NoiseMode;
  /**
   * Start every chunk from the one before instead of from noise alone: the network's time t, above 0 to 1, where 1 is noise alone.
   * Needs a bundle with a variant whose times are inputs. Default none.
   */
  readonly warmStartTau?: number;
  /** Chunks drawn for one observation, 1 to 64; from 2 on, `ActionChunk.spread` says how far they disagree. Default 1. */
  readonly spreadSamples?: number;
}

const MAX_SPREAD_SAMPLES = 64;
const noiseModes: readonly string[] = ["seeded", "fixed", "zero"] satisfies readonly NoiseMode[];

/** @throws {OmpError} INVALID_ARGUMENT naming the option */
export function requireSamplingOptions(options: SamplingOptions): void {
  const { noise = "seeded", warmStartTau = 1, spreadSamples = 1 } = options;
  if (!noiseModes.includes(noise)) throw refusal("noise", noise, noiseModes.join(", "));
  if (!(warmStartTau > 0 && warmStartTau <= 1)) {
    throw refusal("warmStartTau", `${warmStartTau}`, "above 0 to 1");
  }
  const isCount = Number.isInteger(spreadSamples) && spreadSamples >= 1;
  if (!isCount || spreadSamples > MAX_SPREAD_SAMPLES) {
    throw refusal(
      "spreadSamples",
      `${spreadSamples}`,
      `a whole number, 1 to ${MAX_SPREAD_SAMPLES}`,
    );
  }
}

function refusal(name: string, observed: string, expected: string): OmpError {
  return new OmpError(ErrorCode.InvalidArgument, {
    what: `sampling option ${name} is not allowed`,
    observed,
    expected,
  });
}

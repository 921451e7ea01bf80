/** One way to do a thing whose duration is compared with that of other ways. */
export interface Contender {
  readonly name: string;
  /** Durations of `count` runs, one after the other, us. */
  run(count: number): Promise<readonly number[]>;
  close(): Promise<void>;
}

export interface Turns {
  readonly rounds: number;
  /** Counted runs of every contender in a round. */
  readonly runs: number;
  /** Runs before them that do not count: the others have used the caches since. */
  readonly warmUpRuns: number;
}

/**
 * Lets the contenders take turns, in an order that rotates every round: what disturbs the machine disturbs all.
 *
 * @param onRound called before every round; what it throws ends the measurement
 * @returns durations by the contender's name, us
 */
export async function takeTurns(
  contenders: readonly Contender[],
  { rounds, runs, warmUpRuns }: Turns,
  onRound: (round: number) => void = () => undefined,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const samples = new Map(contenders.map(({ name }): [string, number[]] => [name, []]));
  for (const contender of contenders) await contender.run(warmUpRuns);
  for (let round = 0; round < rounds; round += 1) {
    onRound(round);
    for (let i = 0; i < contenders.length; i += 1) {
      const contender = contenders[(round + i) % contenders.length];
      const durationsUs = (await contender?.run(warmUpRuns + runs)) ?? [];
      samples.get(contender?.name ?? "")?.push(...durationsUs.slice(warmUpRuns));
    }
  }
  return samples;
}

/** Times `work` in this process. */
export function localContender(
  name: string,
  work: () => Promise<unknown>,
  close: () => Promise<void> = async () => Promise.resolve(),
): Contender {
  return {
    name,
    async run(count) {
      const durationsUs: number[] = [];
      for (let i = 0; i < count; i += 1) {
        const startMs = performance.now();
        await work();
        durationsUs.push((performance.now() - startMs) * 1000);
      }
      return durationsUs;
    },
    close,
  };
}

/** The smallest sample that a share `q` of them does not exceed; NaN of none. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? Number.NaN;
}

/**
 * How many times longer `slow` takes than `fast`: the ratio of their medians in every round, of which the median. What slows the
 * machine down for a while slows both alike.
 *
 * @param runs counted runs of a round
 */
export function pairedRatio(
  slow: readonly number[],
  fast: readonly number[],
  runs: number,
): number {
  const rounds = Math.floor(Math.min(slow.length, fast.length) / runs);
  const ratios = Array.from({ length: rounds }, (_, round) => {
    const p50 = (samples: readonly number[]): number =>
      quantile(samples.slice(round * runs, (round + 1) * runs), 0.5);
    return p50(slow) / p50(fast);
  });
  return quantile(ratios, 0.5);
}

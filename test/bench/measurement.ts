/** One `npm run bench -- NAME`: measures this machine. Its figures are for comparing within one run, never for a test. */
export interface Bench {
  /** What it measures, one line. */
  readonly summary: string;
  /** It takes so long that it runs only when it is named. */
  readonly isLong?: boolean;
  /** @param say one line of progress for a person */
  run(say: (line: string) => void): Promise<BenchReport>;
}

export interface BenchReport {
  readonly figures: Readonly<Record<string, number>>;
  /** What the figures were computed from, in the order in which it was measured. */
  readonly samples: Readonly<Record<string, readonly number[]>>;
}

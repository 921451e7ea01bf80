/** One `omp fleet <job>`. */
export interface FleetJob {
  /** Its part of `omp fleet --help`, without a newline at the end. */
  readonly usage: string;
  /** As `Command.run`. */
  run(args: readonly string[], signal: AbortSignal): Promise<number>;
}

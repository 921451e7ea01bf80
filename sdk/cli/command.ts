/** One `omp <name>` command. A command lives in `commands/<name>.ts` and is loaded only when it is called. */
export interface Command {
  /** One line for `omp --help`. */
  readonly summary: string;
  /** The whole text of `omp <name> --help`. */
  readonly usage: string;
  /**
   * @param args what follows the command's name
   * @param signal aborted on the first Ctrl-C or SIGTERM; a second one ends the process at once
   * @returns the exit code: 0 done, 1 the job failed, 2 the call was wrong, 130 interrupted
   */
  run(args: readonly string[], signal: AbortSignal): Promise<number>;
}

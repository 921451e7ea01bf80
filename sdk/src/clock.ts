/**
 * The only source of time in the pipeline: monotonic milliseconds, same origin for every thread of the process.
 *
 * `omp-edge/node` gives the real one, `omp-edge/testing` a manual one.
 */
export interface Clock {
  /** Monotonic, ms, fractional. */
  nowMs(): number;
  /**
   * Calls `callback` once at `atMs` or as soon after as the clock manages. At once when `atMs` is past, but never from inside
   * this call. Returns a function that cancels it.
   */
  callAt(atMs: number, callback: () => void): () => void;
}

/** Resolves at `atMs` of `clock`. */
export function sleepUntil(clock: Clock, atMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.callAt(atMs, resolve);
  });
}

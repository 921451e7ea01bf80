/** Where samples go: the observation buffer. */
export interface SampleSink {
  /**
   * Copies one sample of `key`.
   *
   * @param values as long as the key's shape says, physical units
   * @param capturedAtMs host clock, ms, at which the world looked like this (not when the sample arrived)
   * @throws {OmpError} INVALID_OBSERVATION when the key is unknown, the length is wrong or a value is not finite; the
   *   sample is then counted and not stored
   */
  push(key: string, values: ArrayLike<number>, capturedAtMs: number): void;
}

/** Pushes timestamped samples of one observation key into a sink from `start` to `stop`. */
export interface SensorSource {
  readonly key: string;
  /** Resolves when samples flow or will flow. Called once. */
  start(sink: SampleSink): Promise<void>;
  /**
   * Pushes what another thread has measured since the last call. The loop calls it at the start of every tick, on its own thread;
   * a source that pushes by itself has none. It neither blocks nor throws.
   */
  poll?(): void;
  /** No sample is pushed after it resolves. */
  stop(): Promise<void>;
}

/** Polls those that are to be polled. */
export function pollSensors(sensors: readonly SensorSource[]): void {
  for (const sensor of sensors) sensor.poll?.();
}

import type { Clock } from "./clock.ts";
import { LatencyHistogram } from "./telemetry.ts";

/**
 * Calls a loop at the instants of a regular grid. Instants that are past when it gets to them are skipped and told, never made
 * up for; the grid itself does not drift.
 */
export interface Pacer {
  /** How late each tick began. */
  readonly latenessMs: LatencyHistogram;
  /** The first instant is now. @param tick is told how many instants were skipped since the tick before */
  start(periodMs: number, tick: (skipped: number) => void): void;
  /** No tick comes after it, until the next `start`. */
  stop(): void;
}

/** The instants of a pacer. Its times are in one array because a number in a field of an object may be garbage. */
export class TickInstants {
  readonly latenessMs: LatencyHistogram = new LatencyHistogram();
  /** Origin, period, number of the next instant. */
  readonly #grid: Float64Array = new Float64Array(3);

  begin(originMs: number, periodMs: number): void {
    this.#grid[0] = originMs;
    this.#grid[1] = periodMs;
    this.#grid[2] = 0;
  }

  /** When the next tick is due. */
  get dueMs(): number {
    const grid = this.#grid;
    return (grid[0] ?? 0) + (grid[1] ?? 0) * (grid[2] ?? 0);
  }

  /**
   * A tick begins at `nowMs`.
   *
   * @returns how many instants after the one it was due at are past too
   */
  take(nowMs: number): number {
    const lateMs = nowMs - this.dueMs;
    this.latenessMs.record(lateMs);
    const skipped = Math.max(0, Math.floor(lateMs / (this.#grid[1] ?? 1)));
    this.#grid[2] = (this.#grid[2] ?? 0) + skipped + 1;
    return skipped;
  }
}

/** Ticks by the timers of a clock: as late as they are, and as late as the event loop is blocked. */
export class ClockPacer implements Pacer {
  readonly #clock: Clock;
  readonly #instants = new TickInstants();
  #tick: (skipped: number) => void = () => undefined;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get latenessMs(): LatencyHistogram {
    return this.#instants.latenessMs;
  }

  start(periodMs: number, tick: (skipped: number) => void): void {
    this.stop();
    this.#tick = tick;
    this.#instants.begin(this.#clock.nowMs(), periodMs);
    this.#schedule();
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel = this.#clock.callAt(this.#instants.dueMs, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    const skipped = this.#instants.take(this.#clock.nowMs());
    this.#schedule();
    this.#tick(skipped);
  };
}

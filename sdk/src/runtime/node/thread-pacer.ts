import type { Clock } from "../../clock.ts";
import { type Pacer, TickInstants } from "../../pacer.ts";
import type { LatencyHistogram } from "../../telemetry.ts";

/** The longest last wait, ms: a timer may also be as early as the next read of the event loop. */
const MAX_WAIT_MS = 20;
const WAITS_PER_MS = 100;

/** Computing a timeout would box a new number every tick; the string keeps V8 from storing the numbers unboxed. */
const waitsMs: readonly (number | string)[] = [
  "",
  ...Array.from({ length: MAX_WAIT_MS * WAITS_PER_MS }, (_, i) => (i + 1) / WAITS_PER_MS),
];

/**
 * Ticks on the thread that owns it, to some ten microseconds: the event loop runs until about a millisecond before an instant, and
 * the thread sleeps in `Atomics.wait` for the rest. What arrives in that rest waits for the tick.
 *
 * For a thread of its own, because it blocks it for up to half of the time. Above 500 Hz no timer is short enough: the event
 * loop then turns once a tick. Up to 500 Hz a tick allocates nothing.
 */
export class ThreadPacer implements Pacer {
  readonly #clock: Clock;
  readonly #instants = new TickInstants();
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #tick: (skipped: number) => void = () => undefined;
  #timerMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get latenessMs(): LatencyHistogram {
    return this.#instants.latenessMs;
  }

  start(periodMs: number, tick: (skipped: number) => void): void {
    this.stop();
    this.#tick = tick;
    this.#timerMs = Math.floor(periodMs) - 1;
    this.#instants.begin(this.#clock.nowMs(), periodMs);
    this.#immediate = setImmediate(this.#onWake);
  }

  stop(): void {
    this.#tick = () => undefined;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
  }

  readonly #onWake = (): void => {
    this.#sleepUntilDue();
    const tick = this.#tick;
    tick(this.#instants.take(this.#clock.nowMs()));
    if (tick === this.#tick) this.#schedule();
  };

  /** The timer is used again, from inside its own callback: any other way costs garbage. */
  #schedule(): void {
    const leftMs = this.#instants.dueMs - this.#clock.nowMs();
    if (this.#timerMs < 1 || leftMs < this.#timerMs) {
      this.#immediate = setImmediate(this.#onWake);
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(this.#onWake, this.#timerMs);
    } else {
      this.#timer.refresh();
    }
  }

  #sleepUntilDue(): void {
    for (;;) {
      const leftMs = this.#instants.dueMs - this.#clock.nowMs();
      if (leftMs <= 0) return;
      const index = Math.min(Math.floor(leftMs * WAITS_PER_MS), waitsMs.length - 1);
      const waitMs = waitsMs[index];
      // Under a hundredth of a millisecond is shorter than a sleep.
      if (typeof waitMs === "number") Atomics.wait(this.#sleeper, 0, 0, waitMs);
    }
  }
}

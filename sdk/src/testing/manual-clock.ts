import type { Clock } from "../clock.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs: number;
  /** Sorted by time; timers of the same instant keep their order. */
  readonly #timers: Timer[] = [];

  constructor(nowMs: number = 0) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  callAt(atMs: number, callback: () => void): () => void {
    const timer = { atMs, callback };
    const after = this.#timers.findIndex((other) => other.atMs > atMs);
    this.#timers.splice(after === -1 ? this.#timers.length : after, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index !== -1) this.#timers.splice(index, 1);
    };
  }

  /** Moves time to `atMs`, calling every timer due on the way at its own instant. */
  advanceTo(atMs: number): void {
    for (let timer = this.#timers[0]; timer !== undefined; timer = this.#timers[0]) {
      if (timer.atMs > atMs) break;
      this.#timers.shift();
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  advanceBy(ms: number): void {
    this.advanceTo(this.#nowMs + ms);
  }

  /** Moves time to `atMs` as a process that was stopped sees it: timers due meanwhile are all called at `atMs`. */
  stallUntil(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs);
    this.advanceTo(this.#nowMs);
  }
}

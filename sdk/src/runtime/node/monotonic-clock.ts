import type { Clock } from "../../clock.ts";

/**
 * CLOCK_MONOTONIC of the machine, so that every thread and process agrees. Timers are late by up to 1 ms on an idle machine
 * and by as long as the event loop is blocked otherwise: real deadlines belong to the motor controller.
 */
export class MonotonicClock implements Clock {
  // Nanoseconds pass through one reused slot because a BigInt or a boxed double a call would make garbage every tick.
  readonly #nanoseconds = new BigInt64Array(1);
  readonly #words: Uint32Array = new Uint32Array(this.#nanoseconds.buffer);

  nowMs(): number {
    this.#nanoseconds[0] = process.hrtime.bigint();
    return ((this.#words[1] ?? 0) * 4_294_967_296 + (this.#words[0] ?? 0)) / 1e6;
  }

  callAt(atMs: number, callback: () => void): () => void {
    const delayMs = Math.max(0, Math.ceil(atMs - this.nowMs()));
    const timer = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(timer);
    };
  }
}

import type { Clock } from "../../../sdk/src/clock.ts";

/**
 * One MQTT message of the link: `sender u32 | sent_at_ms u32 | whole frames`, little-endian.
 *
 * `sender` is random per opened transport, `sent_at_ms` its monotonic clock, wrapping. They let the receiver see how much later than the
 * fastest message one arrived, without clocks that agree.
 */
export const datagramHeaderBytes = 8;

/** A window this long keeps up with crystals that drift apart: 100 ppm of it is 3 ms. */
const windowMs = 30_000;

/** Senders remembered after another took their place. */
const maxSuperseded = 16;

/**
 * Refuses messages that waited somewhere on their way. A broker that stalls delivers, in order and too late, the heartbeats of a host
 * that may be dead by now; they must not renew a lease. What an earlier connection still had on its way may even be overtaken by the next
 * one's first message: a sender that another took the place of is never heard again.
 */
export class AgeGate {
  refused = 0;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  #sender = Number.NaN;
  readonly #superseded: number[] = [];
  /** Smallest receive time minus send time of this and of the previous window, wrapping ms. */
  #fastest = 0;
  #previousFastest = 0;
  #windowEndMs = 0;

  constructor(clock: Clock, maxAgeMs: number) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Whether a message may pass, judged by the fastest one of its sender. The first of a new sender always may. */
  admit(sender: number, sentAtMs: number): boolean {
    if (this.#superseded.includes(sender)) {
      this.refused++;
      return false;
    }
    const nowMs = this.#clock.nowMs();
    const transit = (Math.round(nowMs) - sentAtMs) | 0;
    if (sender !== this.#sender) {
      this.#superseded.push(this.#sender);
      if (this.#superseded.length > maxSuperseded) this.#superseded.shift();
      this.#sender = sender;
      this.#fastest = transit;
      this.#previousFastest = transit;
      this.#windowEndMs = nowMs + windowMs;
    } else if (nowMs >= this.#windowEndMs) {
      this.#previousFastest = this.#fastest;
      this.#fastest = transit;
      this.#windowEndMs = nowMs + windowMs;
    }
    if (((transit - this.#fastest) | 0) < 0) this.#fastest = transit;
    const isPreviousFaster = ((this.#previousFastest - this.#fastest) | 0) < 0;
    const fastest = isPreviousFaster ? this.#previousFastest : this.#fastest;
    if (((transit - fastest) | 0) <= this.#maxAgeMs) return true;
    this.refused++;
    return false;
  }
}

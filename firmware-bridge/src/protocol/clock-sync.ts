import type { SyncReply } from "./controller-messages.ts";
import { tickDifference } from "./units.ts";

interface Probe {
  hostMs: number;
  tick: number;
  roundTripMs: number;
}

const windowLength = 32;
/** How far two unmeasured crystals may run apart; it makes an old good probe worth less than a fresh fair one. */
const unknownDrift = 100e-6;
const maxDrift = 1000e-6;
/** Probes nearer than this say more about jitter than about drift. */
const minDriftBaselineMs = 2000;
const driftGain = 1 / 8;

/**
 * Maps the host's monotonic clock to the controller's ticks from SYNC probes.
 *
 * A probe's error is at most half its round trip, whatever the two directions took; so the mapping goes through the probe of the
 * last 32 whose bound is smallest now (half round trip plus drift over its age). Drift is the slope between the best probes of the
 * window's two halves, smoothed and limited to 1000 ppm.
 *
 * Ticks in this class are unwrapped: they continue past 2^32. `tick >>> 0` is the wire value.
 */
export class ClockSync {
  readonly tickMs: number;
  readonly #probes: Probe[] = [];
  #next = 0;
  #anchorHostMs = Number.NaN;
  #anchorTick = Number.NaN;
  #errorMs = Number.POSITIVE_INFINITY;
  #drift = 0;
  #newestTick = Number.NaN;

  constructor(tickHz: number) {
    this.tickMs = 1000 / tickHz;
  }

  /** False until the first probe. */
  get isSynced(): boolean {
    return this.#probes.length > 0;
  }

  /** Bound of the mapping's error at its anchor, ms: half the round trip of the probe it goes through. */
  get errorMs(): number {
    return this.#errorMs;
  }

  /** Controller clock over host clock, minus 1. */
  get drift(): number {
    return this.#drift;
  }

  /** Takes a probe: when SYNC was handed over and when its reply was read, host ms. */
  addProbe(sentAtMs: number, receivedAtMs: number, reply: Readonly<SyncReply>): void {
    const rx = this.unwrap(reply.rxTick) + reply.rxSubUs / 1000 / this.tickMs;
    const tx = this.unwrap(reply.txTick) + reply.txSubUs / 1000 / this.tickMs;
    const probe: Probe = {
      hostMs: (sentAtMs + receivedAtMs) / 2,
      tick: (rx + tx) / 2,
      roundTripMs: Math.max(0, receivedAtMs - sentAtMs - (tx - rx) * this.tickMs),
    };
    if (this.#probes.length < windowLength) this.#probes.push(probe);
    else this.#probes[this.#next] = probe;
    this.#next = (this.#next + 1) % windowLength;
    this.#updateDrift(receivedAtMs);
    this.#updateAnchor(receivedAtMs);
  }

  /** Fractional tick at a host instant. NaN before the first probe. */
  tickAt(hostMs: number): number {
    return this.#anchorTick + ((hostMs - this.#anchorHostMs) * (1 + this.#drift)) / this.tickMs;
  }

  /** Host ms at a tick of `unwrap`. NaN before the first probe. */
  hostMsAt(tick: number): number {
    return this.#anchorHostMs + ((tick - this.#anchorTick) * this.tickMs) / (1 + this.#drift);
  }

  /** The unwrapped tick of a wire tick less than 2^31 ticks (25 days at 1 kHz) from the newest one seen. */
  unwrap(wireTick: number): number {
    if (Number.isNaN(this.#newestTick)) this.#newestTick = wireTick;
    const tick = this.#newestTick + tickDifference(wireTick, this.#newestTick);
    if (tick > this.#newestTick) this.#newestTick = tick;
    return tick;
  }

  #updateAnchor(nowMs: number): void {
    const best = this.#bestProbe(nowMs, Number.NEGATIVE_INFINITY, nowMs);
    if (best === undefined) return;
    this.#anchorHostMs = best.hostMs;
    this.#anchorTick = best.tick;
    this.#errorMs = best.roundTripMs / 2;
  }

  #updateDrift(nowMs: number): void {
    const oldestMs = this.#probes.reduce((oldest, probe) => Math.min(oldest, probe.hostMs), nowMs);
    const middleMs = (oldestMs + nowMs) / 2;
    const older = this.#bestProbe(nowMs, Number.NEGATIVE_INFINITY, middleMs);
    const newer = this.#bestProbe(nowMs, middleMs, nowMs);
    if (older === undefined || newer === undefined) return;
    const baselineMs = newer.hostMs - older.hostMs;
    if (baselineMs < minDriftBaselineMs) return;
    const slope = ((newer.tick - older.tick) * this.tickMs) / baselineMs - 1;
    const limited = Math.min(maxDrift, Math.max(-maxDrift, slope));
    this.#drift += (limited - this.#drift) * driftGain;
  }

  #bestProbe(nowMs: number, fromMs: number, toMs: number): Probe | undefined {
    let best: Probe | undefined;
    let bestBoundMs = Number.POSITIVE_INFINITY;
    for (const probe of this.#probes) {
      if (probe.hostMs < fromMs || probe.hostMs > toMs) continue;
      const boundMs = probe.roundTripMs / 2 + (nowMs - probe.hostMs) * unknownDrift;
      if (boundMs < bestBoundMs) {
        best = probe;
        bestBoundMs = boundMs;
      }
    }
    return best;
  }
}

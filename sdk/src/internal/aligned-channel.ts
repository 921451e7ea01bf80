import type { ObservationSpec } from "../bundle/manifest.ts";
import { ErrorCode, OmpError } from "../errors.ts";
import { SampleRing } from "./sample-ring.ts";

/**
 * How a step takes its value from the samples of a key. `before`: the newest that is not after the instant. `nearest`: the one
 * closest in time, of two the earlier. `interpolated`: on the straight line between the two around the instant, which is wrong
 * for what wraps or is normed (angles beyond ±π, quaternions); where none came after it, the newest. Never extrapolated.
 */
export type AlignmentMethod = "before" | "nearest" | "interpolated";

/** How one key is aligned. */
export interface KeyAlignment {
  /** `before` when left out. */
  readonly method?: AlignmentMethod;
  /** ms before its step at which a sample is stale; at most, and when left out, the manifest's `max_age_ms`. */
  readonly maxAgeMs?: number;
  /** ms that a sample may lie from the instant it stands for; `maxAgeMs` when left out. */
  readonly maxSkewMs?: number;
}

/** A sensor faster than its `rate_hz` by more than this loses history. */
const RATE_MARGIN = 8;
const MIN_CAPACITY = 16;

export type PickStatus = "fresh" | "stale" | "skewed" | "missing";

/** The samples of one key, and which of them stand for an instant. */
export class AlignedChannel {
  readonly spec: ObservationSpec;
  readonly ring: SampleRing;
  /** Of the last pick that was not `missing`: ms from the newest sample used to the step, negative when it came after. */
  ageMs: number = 0;
  /** Of the last pick that was not `missing`: ms from the instant to the farthest sample used. */
  skewMs: number = 0;
  readonly #method: AlignmentMethod;
  readonly #maxAgeMs: number;
  readonly #maxSkewMs: number;
  /** The samples used, counted back from the newest; one sample when both are the same. */
  #earlier = 0;
  #later = 0;
  #weightOfLater = 0;

  /**
   * @param historyMs how far back an instant may lie
   * @throws {OmpError} INVALID_ARGUMENT naming the key
   */
  constructor(spec: ObservationSpec, historyMs: number, alignment: KeyAlignment = {}) {
    const { method = "before", maxAgeMs = spec.maxAgeMs, maxSkewMs = maxAgeMs } = alignment;
    if (!(maxAgeMs > 0 && maxAgeMs <= spec.maxAgeMs) || !(maxSkewMs >= 0)) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: `the alignment of ${spec.key} is not usable`,
        observed: `maxAgeMs ${maxAgeMs}, maxSkewMs ${maxSkewMs}`,
        expected: `maxAgeMs up to the manifest's ${spec.maxAgeMs}, maxSkewMs from 0`,
      });
    }
    const samples = Math.ceil((historyMs / 1000) * spec.rateHz * RATE_MARGIN);
    this.spec = spec;
    this.ring = new SampleRing(spec.size, Math.max(samples, MIN_CAPACITY));
    this.#method = method;
    this.#maxAgeMs = maxAgeMs;
    this.#maxSkewMs = maxSkewMs;
  }

  /** When the earliest sample of the last pick was captured, ms. */
  get pickedAtMs(): number {
    return this.ring.capturedAtMs(this.#earlier);
  }

  /**
   * Chooses the samples of a step. Times come in arrays, because a double that crosses a call is boxed.
   *
   * @param instantsMs of the steps, oldest first; they say what is stale
   * @param referencesMs what the samples are to lie at: the same, or when the anchor's samples were captured
   */
  pick(instantsMs: Float64Array, referencesMs: Float64Array, step: number): PickStatus {
    const { ring } = this;
    const referenceMs = referencesMs[step] ?? Number.NaN;
    const before = ring.ageIndexAt(referencesMs, step);
    if (before === ring.count) return this.#pickFirst(instantsMs, referencesMs, step);
    this.#use(before, before);
    const toEarlierMs = referenceMs - ring.capturedAtMs(before);
    if (before > 0 && this.#method !== "before") {
      const toLaterMs = ring.capturedAtMs(before - 1) - referenceMs;
      if (this.#method === "nearest") {
        if (toLaterMs < toEarlierMs) this.#use(before - 1, before - 1);
      } else if (toEarlierMs > 0) {
        this.#use(before, before - 1);
        this.#weightOfLater = toEarlierMs / (toEarlierMs + toLaterMs);
      }
    }
    return this.#judge(instantsMs, referencesMs, step);
  }

  /** Writes the value of the last pick to `out[offset …]`. */
  copy(out: Float32Array, offset: number): void {
    this.ring.copy(this.#earlier, out, offset);
    if (this.#later !== this.#earlier) {
      this.ring.blend(this.#later, this.#weightOfLater, out, offset);
    }
  }

  /** Every sample came after the instant: in the history, the first one of an episode stands for what was before it. */
  #pickFirst(instantsMs: Float64Array, referencesMs: Float64Array, step: number): PickStatus {
    const { count, isFull } = this.ring;
    const isNewestStep = step === instantsMs.length - 1;
    if (count === 0 || isFull || (isNewestStep && this.#method === "before")) return "missing";
    this.#use(count - 1, count - 1);
    const status = this.#judge(instantsMs, referencesMs, step);
    return isNewestStep ? status : "fresh";
  }

  #use(earlier: number, later: number): void {
    this.#earlier = earlier;
    this.#later = later;
  }

  #judge(instantsMs: Float64Array, referencesMs: Float64Array, step: number): PickStatus {
    const referenceMs = referencesMs[step] ?? Number.NaN;
    const earlierMs = this.ring.capturedAtMs(this.#earlier);
    const laterMs = this.ring.capturedAtMs(this.#later);
    this.ageMs = (instantsMs[step] ?? Number.NaN) - laterMs;
    this.skewMs = Math.max(Math.abs(referenceMs - earlierMs), Math.abs(laterMs - referenceMs));
    if (this.ageMs > this.#maxAgeMs) return "stale";
    return this.skewMs > this.#maxSkewMs ? "skewed" : "fresh";
  }
}

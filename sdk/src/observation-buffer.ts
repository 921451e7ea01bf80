import type { Manifest } from "./bundle/manifest.ts";
import { ErrorCode, OmpError } from "./errors.ts";
import { AlignedChannel, type KeyAlignment, type PickStatus } from "./internal/aligned-channel.ts";
import type { SampleSink } from "./sensor.ts";
import type { Observation } from "./types.ts";

/** Whether the samples can be acted on. One object a buffer, overwritten by the next question. */
export interface ObservationVerdict {
  /**
   * `missing`: no sample yet. `stale`: the newest sample is older than its `max_age_ms`, or one of the history was. `skewed`: it
   * lies too far from the instant it stands for.
   */
  status: PickStatus;
  /** The key to blame; empty when fresh. */
  key: string;
  /** Fresh: age of the oldest key's newest sample. Stale or skewed: age or skew of the blamed sample. Missing: 0. */
  ageMs: number;
}

export interface BufferCounters {
  samplesStored: number;
  /** Unknown key, wrong length or a value that is not finite. */
  samplesRefused: number;
  /** Not newer than the sample before; dropped. */
  samplesOutOfOrder: number;
  observations: number;
}

/** How sensors of different rates become steps. */
export interface ObservationAlignment {
  /**
   * The key, most often the slowest camera, whose sample the others are aligned with instead of with the grid instant: the policy
   * then sees one moment, which is a little older. When left out, every key is aligned with the grid instant.
   */
  readonly anchor?: string;
  /** By key; one that is left out is aligned as `KeyAlignment` says of `{}`. */
  readonly keys?: Readonly<Record<string, KeyAlignment>>;
}

/** Aligns samples of every key on the policy's grid. */
export class ObservationBuffer implements SampleSink {
  readonly counters: BufferCounters = {
    samplesStored: 0,
    samplesRefused: 0,
    samplesOutOfOrder: 0,
    observations: 0,
  };
  /** The anchor, if there is one, is the first. */
  readonly #channels: readonly AlignedChannel[];
  readonly #byKey: ReadonlyMap<string, AlignedChannel>;
  readonly #isAnchored: boolean;
  /** The steps' instants, oldest first, ms. */
  readonly #instantsMs: Float64Array;
  /** When the anchor's sample of each step was captured, ms. */
  readonly #anchorMs: Float64Array;
  readonly #nObsSteps: number;
  readonly #dtMs: number;
  readonly #verdict: ObservationVerdict = { status: "missing", key: "", ageMs: 0 };

  /** @throws {OmpError} INVALID_ARGUMENT when the alignment names another key than the manifest, or a limit beyond its own */
  constructor(
    { observations, policy }: Pick<Manifest, "observations" | "policy">,
    { anchor, keys = {} }: ObservationAlignment = {},
  ) {
    const known = observations.map(({ key }) => key);
    const named = anchor === undefined ? Object.keys(keys) : [anchor, ...Object.keys(keys)];
    const unknown = named.find((key) => !known.includes(key));
    if (unknown !== undefined) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: `the alignment names ${unknown}, which is no observation key`,
        expected: known.join(", "),
      });
    }
    if (anchor !== undefined && keys[anchor]?.method === "interpolated") {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: `the anchor ${anchor} is interpolated`,
        expected: "before or nearest: the others are aligned with one of its samples",
      });
    }
    this.#nObsSteps = policy.nObsSteps;
    this.#dtMs = policy.dtMs;
    this.#isAnchored = anchor !== undefined;
    this.#instantsMs = new Float64Array(policy.nObsSteps);
    this.#anchorMs = new Float64Array(policy.nObsSteps);
    const anchorAgeMs = observations.find(({ key }) => key === anchor)?.maxAgeMs ?? 0;
    this.#channels = observations
      .toSorted((a, b) => Number(b.key === anchor) - Number(a.key === anchor))
      .map((spec) => {
        const historyMs = policy.nObsSteps * policy.dtMs + spec.maxAgeMs + anchorAgeMs;
        return new AlignedChannel(spec, historyMs, keys[spec.key]);
      });
    this.#byKey = new Map(this.#channels.map((channel) => [channel.spec.key, channel]));
  }

  /** An observation of this buffer's size, for `observe` to fill. */
  createObservation(): Observation {
    const values = this.#channels.map(({ spec }): [string, Float32Array] => [
      spec.key,
      new Float32Array(this.#nObsSteps * spec.size),
    ]);
    return { values: new Map(values), observedAtMs: Number.NEGATIVE_INFINITY };
  }

  push(key: string, values: ArrayLike<number>, capturedAtMs: number): void {
    const channel = this.#byKey.get(key);
    if (channel === undefined)
      throw this.#refuse(key, "no such key", [...this.#byKey.keys()].join());
    const { ring } = channel;
    if (values.length !== ring.size) {
      throw this.#refuse(key, `${values.length} numbers`, `${ring.size} numbers`);
    }
    for (let i = 0; i < ring.size; i += 1) {
      if (!Number.isFinite(values[i])) {
        throw this.#refuse(key, `${values[i]} at index ${i}`, "a finite number");
      }
    }
    if (!Number.isFinite(capturedAtMs)) {
      throw this.#refuse(key, `captured at ${capturedAtMs} ms`, "a finite time");
    }
    if (capturedAtMs <= ring.capturedAtMs(0)) {
      this.counters.samplesOutOfOrder += 1;
      return;
    }
    ring.push(values, capturedAtMs);
    this.counters.samplesStored += 1;
  }

  /** Forgets every sample: the start of an episode. */
  reset(): void {
    for (const { ring } of this.#channels) ring.clear();
  }

  /** The verdict `observe` would give. Copies nothing. */
  check(atMs: number): Readonly<ObservationVerdict> {
    this.#instantsMs[this.#nObsSteps - 1] = atMs;
    return this.#align(undefined);
  }

  /**
   * Fills `out` with `nObsSteps` steps up to `atMs`, `dtMs` apart, oldest first. Before the first sample of an episode that
   * sample is repeated. When the verdict is not fresh, `out` is not usable.
   */
  observe(atMs: number, out: Observation): Readonly<ObservationVerdict> {
    this.#instantsMs[this.#nObsSteps - 1] = atMs;
    const verdict = this.#align(out);
    if (verdict.status !== "fresh") return verdict;
    out.observedAtMs = atMs;
    this.counters.observations += 1;
    return verdict;
  }

  /** The last of `#instantsMs` is set. */
  #align(out: Observation | undefined): Readonly<ObservationVerdict> {
    const newest = this.#nObsSteps - 1;
    const atMs = this.#instantsMs[newest] ?? Number.NaN;
    for (let step = 0; step < newest; step += 1) {
      this.#instantsMs[step] = atMs - (newest - step) * this.#dtMs;
    }
    const verdict = this.#verdict;
    verdict.ageMs = 0;
    let oldestMs = 0;
    for (let i = 0; i < this.#channels.length; i += 1) {
      const channel = this.#channels[i];
      if (channel === undefined) continue;
      const { key, size } = channel.spec;
      const isAnchor = this.#isAnchored && i === 0;
      const referencesMs = this.#isAnchored && !isAnchor ? this.#anchorMs : this.#instantsMs;
      const target = out?.values.get(key);
      for (let step = newest; step >= 0; step -= 1) {
        const status = channel.pick(this.#instantsMs, referencesMs, step);
        if (status !== "fresh") {
          verdict.status = status;
          verdict.key = key;
          if (status === "stale") verdict.ageMs = channel.ageMs;
          if (status === "skewed") verdict.ageMs = channel.skewMs;
          return verdict;
        }
        if (isAnchor) this.#anchorMs[step] = channel.pickedAtMs;
        if (step === newest) oldestMs = Math.max(oldestMs, channel.ageMs);
        if (target !== undefined) channel.copy(target, step * size);
      }
    }
    verdict.status = "fresh";
    verdict.key = "";
    verdict.ageMs = oldestMs;
    return verdict;
  }

  #refuse(key: string, observed: string, expected: string): OmpError {
    this.counters.samplesRefused += 1;
    return new OmpError(ErrorCode.InvalidObservation, {
      what: `a sample of ${key} is refused`,
      observed,
      expected,
    });
  }
}

import type { Manifest, ObservationSpec } from "./bundle/manifest.ts";
import { ErrorCode, OmpError } from "./errors.ts";
import { SampleRing } from "./internal/sample-ring.ts";
import type { SampleSink } from "./sensor.ts";
import type { Observation } from "./types.ts";

/** Whether the samples can be acted on. One object a buffer, overwritten by the next question. */
export interface ObservationVerdict {
  /** `missing`: no sample yet. `stale`: the newest sample is older than its `max_age_ms`, or one of the history was. */
  status: "fresh" | "stale" | "missing";
  /** The key to blame; empty when fresh. */
  key: string;
  /** Fresh: age of the oldest key's newest sample. Stale: age of the blamed sample. Missing: 0. */
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

interface Channel {
  readonly spec: ObservationSpec;
  readonly ring: SampleRing;
}

/** A sensor faster than its `rate_hz` by more than this loses history. */
const RATE_MARGIN = 8;
const MIN_CAPACITY = 16;

/** Aligns samples of every key on the policy's grid: for each step the newest sample that is not after its instant. */
export class ObservationBuffer implements SampleSink {
  readonly counters: BufferCounters = {
    samplesStored: 0,
    samplesRefused: 0,
    samplesOutOfOrder: 0,
    observations: 0,
  };
  readonly #channels: readonly Channel[];
  readonly #byKey: ReadonlyMap<string, Channel>;
  readonly #nObsSteps: number;
  readonly #dtMs: number;
  readonly #verdict: ObservationVerdict = { status: "missing", key: "", ageMs: 0 };

  constructor({ observations, policy }: Pick<Manifest, "observations" | "policy">) {
    this.#nObsSteps = policy.nObsSteps;
    this.#dtMs = policy.dtMs;
    this.#channels = observations.map((spec) => {
      const historyMs = policy.nObsSteps * policy.dtMs + spec.maxAgeMs;
      const samples = Math.ceil((historyMs / 1000) * spec.rateHz * RATE_MARGIN);
      return { spec, ring: new SampleRing(spec.size, Math.max(samples, MIN_CAPACITY)) };
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
    return this.#align(atMs, undefined);
  }

  /**
   * Fills `out` with the last `nObsSteps` steps before `atMs`, `dtMs` apart, oldest first. Before the first sample of an
   * episode that sample is repeated. When the verdict is not fresh, `out` is not usable.
   */
  observe(atMs: number, out: Observation): Readonly<ObservationVerdict> {
    const verdict = this.#align(atMs, out);
    if (verdict.status !== "fresh") return verdict;
    out.observedAtMs = atMs;
    this.counters.observations += 1;
    return verdict;
  }

  #align(atMs: number, out: Observation | undefined): Readonly<ObservationVerdict> {
    let oldestMs = 0;
    for (const { spec, ring } of this.#channels) {
      const target = out?.values.get(spec.key);
      for (let step = this.#nObsSteps - 1; step >= 0; step -= 1) {
        const isNewest = step === this.#nObsSteps - 1;
        const instantMs = atMs - (this.#nObsSteps - 1 - step) * this.#dtMs;
        let back = ring.ageIndexAt(instantMs);
        if (back === ring.count) {
          if (isNewest || ring.isFull) return this.#say("missing", spec.key, 0);
          back = ring.count - 1;
        }
        const ageMs = instantMs - ring.capturedAtMs(back);
        if (ageMs > spec.maxAgeMs) return this.#say("stale", spec.key, ageMs);
        if (isNewest) oldestMs = Math.max(oldestMs, ageMs);
        if (target !== undefined) ring.copy(back, target, step * spec.size);
      }
    }
    return this.#say("fresh", "", oldestMs);
  }

  #say(
    status: ObservationVerdict["status"],
    key: string,
    ageMs: number,
  ): Readonly<ObservationVerdict> {
    this.#verdict.status = status;
    this.#verdict.key = key;
    this.#verdict.ageMs = ageMs;
    return this.#verdict;
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

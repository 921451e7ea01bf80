import type { Clock } from "../../../../sdk/src/clock.ts";
import type { ControlLoop } from "../../../../sdk/src/control-loop.ts";
import { ErrorCode, isOmpError, OmpError } from "../../../../sdk/src/errors.ts";
import type { OmpPolicy } from "../../../../sdk/src/policy.ts";
import { requireReplaceable } from "../../../../sdk/src/policy-slot.ts";
import { MonotonicClock } from "../../../../sdk/src/runtime/node/monotonic-clock.ts";
import { loadPolicy } from "../../../../sdk/src/runtime/node/load-policy.ts";
import { defaultBundleLimits } from "../../../../sdk/src/runtime/node/signed-bundle/bundle-contents.ts";
import type { LoadBundleArguments } from "../command.ts";
import { type BundleDownload, discardDownload, downloadBundle } from "./bundle-download.ts";
import type { BundleReport, UpdatePhase } from "./bundle-report.ts";
import type { BundleStore, StoredBundle } from "./bundle-store.ts";
import { HealthGate, type HealthLimits } from "./health-gate.ts";
import { ObservationRing } from "./observation-ring.ts";
import { checkInShadow, type ShadowLimits } from "./shadow-check.ts";

export interface BundleUpdaterOptions {
  readonly store: BundleStore;
  /** Runs the policy of `store.openCommitted()`. */
  readonly loop: ControlLoop;
  /** Default `loadPolicy`: hashes, warm-up, golden outputs. */
  readonly load?: (directory: string) => Promise<OmpPolicy>;
  /** Names that a rollout selects robots by, at most 16. */
  readonly groups?: readonly string[];
  readonly shadow?: Partial<ShadowLimits>;
  readonly health?: Partial<HealthLimits>;
  readonly download?: Pick<BundleDownload, "ca" | "maxAttempts" | "retryMs" | "silenceMs">;
  /** Of a packed bundle. Default 2 GiB. */
  readonly maxBytes?: number;
  readonly clock?: Clock;
  /** The report changed. */
  readonly onReport?: (report: BundleReport) => void;
}

/** Observations that a candidate has to answer. */
const shadowObservations = 16;
const shadowDefaults: Omit<ShadowLimits, "maxFirstStepRatio"> = {
  minObservations: 8,
  maxDeviation: 0.25,
};
const healthDefaults: HealthLimits = {
  chunks: 50,
  timeoutMs: 120_000,
  maxClampRatio: 0.5,
  maxLate: 2,
};

/**
 * Brings a robot to another bundle while it works.
 *
 * downloading ─► verified ─► warmed ─► shadow_checked ─► active ─► healthy, committed
 *                                                           └────► rolled back: the policy before acts again
 *
 * Until the bundle is healthy a start of the process runs the one before. A fault stays latched through a roll-back: motion
 * never starts again by itself.
 */
export class BundleUpdater {
  readonly #options: BundleUpdaterOptions;
  readonly #clock: Clock;
  readonly #load: (directory: string) => Promise<OmpPolicy>;
  readonly #ring: ObservationRing;
  readonly #stopping = new AbortController();
  #phase: UpdatePhase = "idle";
  #candidate = "";
  #progress = 0;
  #running: Promise<unknown> | undefined;

  constructor(options: BundleUpdaterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? new MonotonicClock();
    this.#load = options.load ?? loadPolicy;
    this.#ring = new ObservationRing(options.loop, shadowObservations);
  }

  get report(): BundleReport {
    const { store, loop, groups = [] } = this.#options;
    const { committed, fallback, last } = store.slots;
    const { bundleId, bundleVersion } = loop.slot.policy.manifest;
    return {
      groups,
      committed,
      bundleId,
      bundleVersion,
      fallback,
      phase: this.#phase,
      candidate: this.#candidate,
      progress: this.#progress,
      last: last ?? null,
    };
  }

  /**
   * Fetches, checks and tries a bundle; resolves when it is committed. The one that runs already is done at once, and the one
   * committed before comes back without a trial.
   *
   * @param onProgress told of every phase, for people
   * @returns what was done, for people
   * @throws {OmpError} INVALID_STATE while another update runs; BUNDLE_REFUSED when it failed its checks or its trial, and
   *   whatever fetching and checking throw; the policy before acts then
   */
  async load(
    { bundleHash, url }: LoadBundleArguments,
    onProgress: (detail: string) => void = () => undefined,
  ): Promise<string> {
    if (this.#running !== undefined) {
      throw new OmpError(ErrorCode.InvalidState, { what: "another bundle is being tried" });
    }
    const update = this.#update(bundleHash, url, onProgress);
    this.#running = update;
    try {
      return await update;
    } finally {
      this.#running = undefined;
      this.#candidate = "";
      this.#enter("idle", () => undefined);
    }
  }

  /** Ends an update that runs, the way back included. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.catch(() => undefined);
    this.#ring.close();
  }

  async #update(hash: string, url: string, say: (detail: string) => void): Promise<string> {
    const { store, loop } = this.#options;
    if (store.slots.committed === hash) return `${hash} runs already`;
    this.#candidate = hash;
    if (loop.fault !== undefined && hash !== store.slots.fallback) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "a loop that is faulted can try no bundle",
        observed: loop.fault.detail,
        next: "Clear the fault first.",
      });
    }
    if (hash === store.slots.fallback) return this.#return(hash, say);
    const { bundle, candidate } = await this.#prepare(hash, url, say);
    await this.#try(bundle, candidate, say);
    await store.collect();
    return `${bundle.manifest.bundleId} ${bundle.manifest.bundleVersion} is healthy`;
  }

  /** Everything that can be known before it acts. */
  async #prepare(
    hash: string,
    url: string,
    say: (detail: string) => void,
  ): Promise<{ bundle: StoredBundle; candidate: OmpPolicy }> {
    const { store, loop } = this.#options;
    let candidate: OmpPolicy | undefined;
    try {
      const bundle = await this.#obtain(hash, url, say);
      store.requireNoDowngrade(bundle);
      requireReplaceable(loop.slot.policy.manifest, bundle.manifest);
      this.#enter("verified", say);
      candidate = await this.#load(bundle.directory);
      this.#enter("warmed", say);
      await this.#compare(candidate);
      this.#enter("shadow_checked", say);
      return { bundle, candidate };
    } catch (error) {
      await candidate?.close();
      await store.refuse(hash, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** It proved itself here: no trial, which a robot that is faulted or driven by a bad policy could not pass. */
  async #return(hash: string, say: (detail: string) => void): Promise<string> {
    const { store, loop } = this.#options;
    const { directory } = await this.#obtain(hash, "", say);
    const before = await this.#load(directory);
    try {
      const left = loop.slot.replace(before);
      await loop.settled();
      await store.returnToFallback();
      await left.close();
    } catch (error) {
      if (loop.slot.policy !== before) await before.close();
      throw error;
    }
    await store.collect();
    return `${before.manifest.bundleId} ${before.manifest.bundleVersion} is back`;
  }

  /** From the store, or by download: once more from the start when what was collected turns out damaged. */
  async #obtain(hash: string, url: string, say: (detail: string) => void): Promise<StoredBundle> {
    const { store, maxBytes = defaultBundleLimits.maxBytes, download } = this.#options;
    const there = await store.find(hash);
    if (there !== undefined) return there;
    if (url === "") {
      throw new OmpError(ErrorCode.BundleUnreadable, {
        what: `${hash} is not here and there is no address to fetch it from`,
      });
    }
    this.#progress = 0;
    this.#enter("downloading", say);
    await store.collect(hash);
    const file = store.incomingFile(hash);
    const fetch = async (): Promise<StoredBundle> => {
      const signal = this.#stopping.signal;
      const onProgress = this.#onDownload;
      await downloadBundle({ ...download, url, file, maxBytes, signal, onProgress });
      return store.add(file, hash);
    };
    let bundle: StoredBundle;
    try {
      bundle = await fetch();
    } catch (error) {
      if (!isDamage(error)) throw error;
      await discardDownload(file);
      bundle = await fetch();
    }
    await discardDownload(file);
    return bundle;
  }

  async #compare(candidate: OmpPolicy): Promise<void> {
    const { store, loop, shadow } = this.#options;
    const joints = loop.stages?.joints ?? candidate.manifest.action.joints;
    const { maxFirstStepRatio } = loop.options;
    const limits = { ...shadowDefaults, maxFirstStepRatio, ...shadow };
    const { directory } = await store.openCommitted();
    const reference = await this.#load(directory);
    try {
      const { observations } = this.#ring;
      const objection = await checkInShadow({ reference, candidate, observations, joints, limits });
      if (objection === undefined) return;
      throw refused(candidate, `the shadow check: ${objection}`);
    } finally {
      await reference.close();
    }
  }

  async #try(
    bundle: StoredBundle,
    candidate: OmpPolicy,
    say: (detail: string) => void,
  ): Promise<void> {
    const { store, loop, health } = this.#options;
    await store.beginTrial(bundle.hash);
    const previous = loop.slot.replace(candidate);
    await loop.settled();
    this.#enter("active", say);
    const gate = new HealthGate(loop, { ...healthDefaults, ...health });
    let complaint: string | undefined;
    try {
      complaint = await gate.judge(this.#clock, this.#stopping.signal);
      if (complaint === undefined) await store.commit(bundle);
    } catch (error) {
      complaint = error instanceof Error ? error.message : String(error);
    }
    if (complaint === undefined) {
      await previous.close();
      return;
    }
    loop.slot.replace(previous);
    await loop.settled();
    await candidate.close();
    await store.rollBack(complaint);
    throw refused(candidate, `the trial: ${complaint}`);
  }

  #enter(phase: UpdatePhase, say: (detail: string) => void): void {
    this.#phase = phase;
    if (phase !== "idle") say(phase);
    this.#options.onReport?.(this.report);
  }

  readonly #onDownload = (bytes: number, total: number): void => {
    const progress = Math.floor((100 * bytes) / total) / 100;
    if (progress < this.#progress + 0.05) return;
    this.#progress = progress;
    this.#options.onReport?.(this.report);
  };
}

/** What another download may mend. */
function isDamage(error: unknown): boolean {
  return (["BUNDLE_HASH_MISMATCH", "BUNDLE_INVALID", "BUNDLE_UNTRUSTED"] as const).some((code) =>
    isOmpError(error, code),
  );
}

function refused({ manifest }: OmpPolicy, observed: string): OmpError {
  return new OmpError(ErrorCode.BundleRefused, {
    what: `${manifest.bundleId} ${manifest.bundleVersion} does not stay`,
    observed,
    next: "The policy before acts again.",
  });
}

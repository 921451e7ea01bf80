import { setTimeout as sleep } from "node:timers/promises";

import { asOmpError, ErrorCode, OmpError } from "../../../../sdk/src/errors.ts";
import type { FleetOperator } from "../fleet-operator.ts";
import type { RobotRecord } from "../fleet-table.ts";
import { defaultPercents, planWaves, type WavePlan } from "./rollout-waves.ts";

export interface FleetRolloutOptions extends Partial<WavePlan> {
  readonly operator: FleetOperator;
  readonly bundleHash: string;
  /** Where robots fetch it. */
  readonly url: string;
  /** Only robots of this group; all that tell of a bundle when left out. */
  readonly group?: string | undefined;
  /** Robots of the rollout that may fail before it is stopped and rolled back. Default 0. */
  readonly maxFailures?: number;
  /** Robots that are asked at the same time. Default 32. */
  readonly concurrency?: number;
  /** From the command to the verdict, ms: download and trial. Default 600_000. */
  readonly robotTimeoutMs?: number;
  /** How long a wave is watched for faults before the next one begins, ms. Default 10_000. */
  readonly soakMs?: number;
  /** Ask robots again that took this bundle back or refused it before. Default false. */
  readonly retry?: boolean;
  readonly onProgress?: (progress: RolloutProgress) => void;
  /** Starts no further robot; what has begun is waited for. */
  readonly signal?: AbortSignal;
}

const pollMs = 200;
const commandLifetimeMs = 30_000;
const maxAttempts = 3;

/**
 * `untouched`: not asked. `offline`, `faulted`: could not be asked; a robot that stands still in a fault would prove nothing. `failed`: it runs what it ran before. `returned`: it was
 * healthy and was sent back with the fleet.
 */
export type RobotOutcome =
  "untouched" | "asked" | "healthy" | "failed" | "offline" | "faulted" | "returned";

export interface RolloutProgress {
  readonly robotId: string;
  readonly outcome: RobotOutcome;
  /** For people. */
  readonly detail: string;
  /** From 1. */
  readonly wave: number;
  readonly waves: number;
}

export interface RolloutResult {
  /** `incomplete`: robots were offline or faulted; the same call goes on with them. */
  readonly outcome: "complete" | "incomplete" | "rolled_back" | "interrupted";
  /** Why it was rolled back; empty otherwise. */
  readonly cause: string;
  readonly robots: ReadonlyMap<string, RobotOutcome>;
}

/**
 * Brings a fleet to a bundle in waves and takes it back from all when too many robots do not keep it.
 *
 * All that is known lies on the robots, who tell what they run and what became of their newest update. The same call made again, by
 * anyone, after an interruption or twice, asks only robots that need it.
 */
export class FleetRollout {
  readonly #options: FleetRolloutOptions;
  readonly #outcomes = new Map<string, RobotOutcome>();
  #wave = 0;
  #waves = 0;
  #failures = 0;
  #cause = "";

  constructor(options: FleetRolloutOptions) {
    this.#options = options;
  }

  /** @throws {OmpError} INVALID_ARGUMENT when no robot, or no canary, is there */
  async run(): Promise<RolloutResult> {
    const { canaryGroup, percents = defaultPercents, bundleHash } = this.#options;
    const targets = this.#targets();
    for (const { robotId } of targets) this.#outcomes.set(robotId, "untouched");
    const waves = planWaves(targets, bundleHash, { canaryGroup, percents });
    this.#waves = waves.length;
    for (const [index, wave] of waves.entries()) {
      this.#wave = index + 1;
      await this.#runWave(wave);
      if (this.#mustStop) await this.#sendBack();
      if (this.#isOver) break;
    }
    return { outcome: this.#outcome, cause: this.#cause, robots: this.#outcomes };
  }

  get #mustStop(): boolean {
    return this.#failures > (this.#options.maxFailures ?? 0);
  }

  get #outcome(): RolloutResult["outcome"] {
    if (this.#mustStop) return "rolled_back";
    if (this.#options.signal?.aborted === true) return "interrupted";
    const outcomes = new Set(this.#outcomes.values());
    const isIncomplete = outcomes.has("offline") || outcomes.has("faulted");
    return isIncomplete ? "incomplete" : "complete";
  }

  #targets(): readonly { readonly robotId: string; readonly groups: readonly string[] }[] {
    const { operator, group } = this.#options;
    const targets = operator.watch
      .robots()
      .flatMap(({ robotId, bundle }) => (bundle ? [{ robotId, groups: bundle.groups }] : []))
      .filter(({ groups }) => group === undefined || groups.includes(group));
    if (targets.length > 0) return targets;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "there is no robot to roll out to",
      observed: `${operator.watch.robots().length} robots are seen`,
      expected: `robots that take bundles${group === undefined ? "" : ` and are of the group ${group}`}`,
    });
  }

  async #runWave(wave: readonly string[]): Promise<void> {
    const waiting = [...wave];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (this.#isOver) return;
        await this.#bring(next);
      }
    };
    const { concurrency = 32 } = this.#options;
    await Promise.all(Array.from({ length: Math.min(concurrency, wave.length) }, worker));
    if (!this.#isOver) await this.#soak(wave);
  }

  async #bring(robotId: string): Promise<void> {
    const { bundleHash, url, retry = false } = this.#options;
    const known = this.#robot(robotId)?.bundle;
    const earlier = known?.last?.hash === bundleHash ? known.last : undefined;
    if (known?.committed === bundleHash) {
      this.#note(robotId, "healthy", "it runs it already");
    } else if (earlier !== undefined && earlier.outcome !== "healthy" && !retry) {
      this.#fail(robotId, `${earlier.outcome} before: ${earlier.detail}`);
    } else if (this.#robot(robotId)?.status !== "online") {
      this.#note(robotId, "offline", "");
    } else if (this.#robot(robotId)?.state?.fault) {
      this.#note(robotId, "faulted", this.#robot(robotId)?.state?.fault?.detail ?? "");
    } else {
      this.#note(robotId, "asked", "");
      const complaint = await this.#load(robotId, bundleHash, url);
      if (complaint === undefined) this.#note(robotId, "healthy", "");
      else this.#fail(robotId, complaint);
    }
  }

  /**
   * Resolves when the robot's verdict is known: by the result of the command or, where that was lost or another rollout asked before,
   * by what the robot tells.
   *
   * @returns why the robot does not run it
   */
  async #load(robotId: string, bundleHash: string, url: string): Promise<string | undefined> {
    const done = new AbortController();
    try {
      return await Promise.race([
        this.#ask(robotId, bundleHash, url),
        this.#restart(robotId, bundleHash, done.signal),
      ]);
    } finally {
      done.abort();
    }
  }

  async #ask(robotId: string, bundleHash: string, url: string): Promise<string | undefined> {
    const { operator, robotTimeoutMs = 600_000 } = this.#options;
    const request = { kind: "load_bundle", arguments: { bundleHash, url } } as const;
    const progress = ({ detail }: { readonly detail: string }): void => {
      this.#note(robotId, "asked", detail);
    };
    const options = { lifetimeMs: commandLifetimeMs, timeoutMs: robotTimeoutMs, progress };
    let complaint = "";
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      try {
        const { outcome, reason, detail } = await operator.send(robotId, request, options);
        if (outcome === "done") return undefined;
        complaint = reason === "" ? detail : `${reason}: ${detail}`;
        // A robot that reconnected meanwhile, or was busy for long, has not looked at the bundle.
        if (reason === "expired" || reason === "stale_nonce") continue;
        if (reason === "busy") complaint = await this.#otherUpdate(robotId, bundleHash, complaint);
      } catch (error) {
        complaint = asOmpError(error, ErrorCode.Internal, "the command failed").message;
      }
      break;
    }
    return this.#bundle(robotId)?.committed === bundleHash ? undefined : complaint;
  }

  /** Waits for an update that runs already when it is about the same bundle. */
  async #otherUpdate(robotId: string, bundleHash: string, busy: string): Promise<string> {
    const endMs = performance.now() + (this.#options.robotTimeoutMs ?? 600_000);
    while (this.#bundle(robotId)?.candidate === bundleHash && performance.now() < endMs) {
      await sleep(pollMs);
    }
    const last = this.#bundle(robotId)?.last;
    return last?.hash === bundleHash ? `${last.outcome}: ${last.detail}` : busy;
  }

  /** Resolves when the robot's process was replaced by another one: no result comes any more. */
  async #restart(
    robotId: string,
    bundleHash: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const session = this.#robot(robotId)?.birth?.sessionId;
    for (;;) {
      await sleep(pollMs);
      if (signal.aborted) return undefined;
      const now = this.#bundle(robotId);
      if (now === undefined || now.sessionId === session) continue;
      if (now.committed === bundleHash) return undefined;
      return now.last?.hash === bundleHash ? now.last.detail : "the robot started anew";
    }
  }

  get #isOver(): boolean {
    return this.#mustStop || this.#options.signal?.aborted === true;
  }

  /** A robot that faults after its trial has failed too. */
  async #soak(wave: readonly string[]): Promise<void> {
    const { soakMs = 10_000 } = this.#options;
    const endMs = performance.now() + soakMs;
    for (;;) {
      for (const robotId of wave) {
        const fault = this.#robot(robotId)?.state?.fault ?? undefined;
        if (fault === undefined || this.#outcomes.get(robotId) !== "healthy") continue;
        this.#fail(robotId, `${fault.reason}: ${fault.detail}`);
      }
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || this.#isOver) return;
      await sleep(Math.min(100, leftMs));
    }
  }

  /** Every robot that keeps the bundle goes back to the one before, which it still has. */
  async #sendBack(): Promise<void> {
    const { operator, bundleHash } = this.#options;
    const keepers = operator.watch
      .robots()
      .filter(
        ({ robotId, bundle }) => this.#outcomes.has(robotId) && bundle?.committed === bundleHash,
      );
    await Promise.all(
      keepers.map(async ({ robotId, bundle }) => {
        const complaint =
          bundle?.fallback === undefined || bundle.fallback === ""
            ? "it has no bundle of before"
            : await this.#load(robotId, bundle.fallback, "");
        if (complaint === undefined) this.#note(robotId, "returned", "");
        else this.#note(robotId, "failed", `it could not be sent back: ${complaint}`);
      }),
    );
  }

  #fail(robotId: string, detail: string): void {
    this.#failures += 1;
    if (this.#mustStop && this.#cause === "") this.#cause = `${robotId}: ${detail}`;
    this.#note(robotId, "failed", detail);
  }

  #note(robotId: string, outcome: RobotOutcome, detail: string): void {
    this.#outcomes.set(robotId, outcome);
    const [wave, waves] = [this.#wave, this.#waves];
    this.#options.onProgress?.({ robotId, outcome, detail, wave, waves });
  }

  #bundle(robotId: string): RobotRecord["bundle"] {
    return this.#robot(robotId)?.bundle;
  }

  #robot(robotId: string): RobotRecord | undefined {
    return this.#options.operator.watch.robot(robotId);
  }
}

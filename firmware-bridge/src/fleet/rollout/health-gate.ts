import type { Clock } from "../../../../sdk/src/clock.ts";
import type { ControlLoop } from "../../../../sdk/src/control-loop.ts";
import { LatencyHistogram } from "../../../../sdk/src/telemetry.ts";

export interface HealthLimits {
  /** Chunks that must have been executed without complaint. */
  readonly chunks: number;
  /** A trial that has not come so far by then is not healthy. */
  readonly timeoutMs: number;
  /** The 99th percentile of the network evaluation, ms; the time the plan leaves for it when undefined. */
  readonly maxInferenceMs?: number | undefined;
  /** Part of the waypoints that the guard may have to clamp, by the limit it clamps most. */
  readonly maxClampRatio: number;
  /** Times the arm may run out of waypoints, or a trajectory may come late. */
  readonly maxLate: number;
}

/** Watches a loop while a new policy drives it. */
export class HealthGate {
  readonly #loop: ControlLoop;
  readonly #limits: HealthLimits;
  readonly #inferenceMs = new LatencyHistogram();
  readonly #clampsBefore: number;
  readonly #lateBefore: number;
  #chunks = 0;
  #waypoints = 0;

  constructor(loop: ControlLoop, limits: HealthLimits) {
    this.#loop = loop;
    this.#limits = limits;
    this.#clampsBefore = this.#clamps;
    this.#lateBefore = this.#late;
  }

  /**
   * @param signal ends the trial
   * @returns why the policy is not healthy, undefined when it is
   */
  async judge(clock: Clock, signal?: AbortSignal): Promise<string | undefined> {
    const loop = this.#loop;
    const { chunks, timeoutMs } = this.#limits;
    if (loop.fault !== undefined) return `the loop is faulted: ${loop.fault.detail}`;
    const end: (() => void)[] = [];
    const verdict = await new Promise<string | undefined>((resolve) => {
      const onAbort = (): void => {
        resolve("the trial was ended");
      };
      signal?.addEventListener("abort", onAbort);
      end.push(
        () => signal?.removeEventListener("abort", onAbort),
        clock.callAt(clock.nowMs() + timeoutMs, () => {
          resolve(`only ${this.#chunks} of ${chunks} chunks within ${timeoutMs} ms`);
        }),
        loop.on("faulted", ({ reason, detail }) => {
          resolve(`${reason}: ${detail}`);
        }),
        loop.on("trajectorySent", ({ count, jointCount }, { inferenceMs }) => {
          this.#chunks += 1;
          this.#waypoints += count * jointCount;
          this.#inferenceMs.record(inferenceMs);
          const complaint = this.#complaint();
          if (complaint !== undefined || this.#chunks >= chunks) resolve(complaint);
        }),
      );
    });
    for (const stop of end) stop();
    return verdict;
  }

  /** Early ones only about what time cannot mend: ratios and percentiles need the whole trial. */
  #complaint(): string | undefined {
    const { chunks, maxLate, maxClampRatio, maxInferenceMs } = this.#limits;
    const late = this.#late - this.#lateBefore;
    if (late > maxLate) return `${late} late trajectories or empty plans, at most ${maxLate}`;
    if (this.#chunks < chunks) return undefined;
    const clamped = (this.#clamps - this.#clampsBefore) / this.#waypoints;
    if (clamped > maxClampRatio) {
      return `the guard clamped ${Math.round(100 * clamped)} % of the waypoints, at most ${Math.round(100 * maxClampRatio)} %`;
    }
    const { leadSteps, dtMs } = this.#loop.slot.policy.manifest.policy;
    const allowedMs = maxInferenceMs ?? Math.max(leadSteps, 1) * dtMs;
    const p99Ms = this.#inferenceMs.quantileMs(0.99);
    if (p99Ms <= allowedMs) return undefined;
    return `inference took ${p99Ms.toFixed(1)} ms at the 99th percentile, at most ${allowedMs} ms`;
  }

  get #clamps(): number {
    const clamps = Object.values(this.#loop.stages?.guard.clamps ?? {});
    return Math.max(0, ...clamps.map((joints) => joints.reduce((sum, one) => sum + one, 0)));
  }

  get #late(): number {
    const { trajectoriesLate, trajectoriesDropped, starvations } = this.#loop.counters;
    return trajectoriesLate + trajectoriesDropped + starvations;
  }
}

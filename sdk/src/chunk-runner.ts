import type { ActionGuard } from "./action-guard.ts";
import type { ActuatorLink, TrajectoryVerdict } from "./actuator-link.ts";
import type { ChunkScheduler } from "./chunk-scheduler.ts";
import type { Clock } from "./clock.ts";
import { asOmpError, ErrorCode } from "./errors.ts";
import { FaultReason } from "./faults.ts";
import type { LoopCounters } from "./loop-state.ts";
import type { ObservationBuffer } from "./observation-buffer.ts";
import type { PolicySlot } from "./policy-slot.ts";
import { LatencyHistogram } from "./telemetry.ts";
import type { ActionChunk, Observation, Trajectory } from "./types.ts";

/** What a runner works with; the loop owns all of it. */
export interface ChunkRunnerParts {
  readonly slot: PolicySlot;
  readonly buffer: ObservationBuffer;
  readonly guard: ActionGuard;
  readonly scheduler: ChunkScheduler;
  readonly link: ActuatorLink;
  readonly clock: Clock;
  readonly counters: LoopCounters;
  readonly inferenceTimeoutMs: number;
  /** Network units. */
  readonly maxSpread: number;
  readonly onFault: (reason: FaultReason, detail: string) => void;
  readonly onUncertain: (spread: number) => void;
  readonly onSent: (trajectory: Trajectory, chunk: ActionChunk) => void;
}

/**
 * The way of one chunk: observe at a grid instant, infer, admit, schedule, enforce, send.
 *
 * Whatever was begun before `abandon` is thrown away when it ends.
 */
export class ChunkRunner {
  /** From the start of an inference to its chunk, as the loop sees it. */
  readonly inferenceMs: LatencyHistogram = new LatencyHistogram();
  /** Age of the oldest key at the observed instant. */
  readonly observationAgeMs: LatencyHistogram = new LatencyHistogram();
  readonly #parts: ChunkRunnerParts;
  readonly #observation: Observation;
  readonly #chunk: ActionChunk;
  #epoch = 0;
  #inference: Promise<void> | undefined;
  #startedAtMs = 0;
  #restCommand: Readonly<Float64Array> = new Float64Array();

  constructor(parts: ChunkRunnerParts) {
    this.#parts = parts;
    this.#observation = parts.buffer.createObservation();
    this.#chunk = parts.slot.policy.createChunk();
  }

  /** Resolves when no inference is running. */
  async settled(): Promise<void> {
    await this.#inference;
  }

  /** Forgets the plan; an inference that is running will be ignored. */
  abandon(nowMs: number): void {
    this.#epoch += 1;
    this.#startedAtMs = nowMs;
    this.#forgetPlan();
  }

  /**
   * Starts an inference when one is due.
   *
   * @param restCommand the joints' command, kept and read when a plan begins at rest
   * @returns false when the observation was not fresh
   */
  tick(nowMs: number, restCommand: Readonly<Float64Array>): boolean {
    const { scheduler, link, counters, buffer, inferenceTimeoutMs } = this.#parts;
    this.#restCommand = restCommand;
    if (scheduler.isStarved(nowMs)) {
      counters.starvations += 1;
      this.#epoch += 1;
      this.#forgetPlan();
    }
    // A plan begins at rest: while the arm brakes the host does not know where the controller will join it.
    if (!scheduler.isRunning && link.state === "armed") scheduler.start(nowMs);
    if (this.#inference !== undefined) {
      if (nowMs - this.#startedAtMs > inferenceTimeoutMs) {
        const detail = `no answer within ${inferenceTimeoutMs} ms`;
        this.#parts.onFault(FaultReason.InferenceFailed, detail);
      }
      return true;
    }
    if (!scheduler.isRunning || !scheduler.isObservationDue(nowMs)) return true;
    this.#parts.slot.policy.prepare();
    const { status, ageMs } = buffer.observe(scheduler.takeInstant(nowMs), this.#observation);
    if (status !== "fresh") return false;
    this.observationAgeMs.record(ageMs);
    counters.inferences += 1;
    this.#startedAtMs = nowMs;
    this.#inference = this.#infer(this.#epoch);
    return true;
  }

  /** The controller's verdict on a trajectory; others' are ignored. */
  decide(id: number, verdict: TrajectoryVerdict): void {
    const { scheduler, clock, counters, onFault } = this.#parts;
    const isOurs = scheduler.settle(id, verdict === "accepted", clock.nowMs());
    if (!isOurs || verdict === "accepted") return;
    if (verdict === "late") counters.trajectoriesLate += 1;
    else onFault(FaultReason.TrajectoryRefused, `trajectory ${id} was refused: ${verdict}`);
  }

  #forgetPlan(): void {
    this.#parts.scheduler.stop();
    this.#parts.slot.policy.interrupt();
  }

  async #infer(epoch: number): Promise<void> {
    const { slot, clock, counters, onFault } = this.#parts;
    const startedAtMs = this.#startedAtMs;
    let failure: string | undefined;
    try {
      await slot.policy.act(this.#observation, this.#chunk);
    } catch (error) {
      failure = asOmpError(error, ErrorCode.BackendFailed, "the policy failed").message;
    }
    this.#inference = undefined;
    if (epoch !== this.#epoch) {
      counters.chunksDiscarded += 1;
    } else if (failure === undefined) {
      const nowMs = clock.nowMs();
      this.inferenceMs.record(nowMs - startedAtMs);
      this.#send(nowMs);
    } else {
      onFault(FaultReason.InferenceFailed, failure);
    }
  }

  #send(nowMs: number): void {
    const { guard, scheduler, link, counters, maxSpread, onFault, onUncertain, onSent } =
      this.#parts;
    const chunk = this.#chunk;
    const { spread } = chunk;
    // A spread that is not a number compares false with everything and must hold.
    if (spread !== undefined && !(spread <= maxSpread)) {
      onUncertain(spread);
      return;
    }
    const plan = scheduler.schedule(chunk, nowMs, this.#restCommand);
    if (plan === undefined) return;
    const { trajectory, firstRow, junctionPosition, junctionVelocity, junctionAcceleration } = plan;
    const refusal =
      guard.admit(chunk, firstRow, junctionPosition) ??
      guard.enforce(trajectory, junctionPosition, junctionVelocity, junctionAcceleration);
    if (refusal?.reason === "workspace") {
      counters.chunksOutside += 1;
      scheduler.retryAt(nowMs);
      return;
    }
    if (refusal !== undefined) {
      onFault(FaultReason.ChunkRefused, refusal.detail);
      return;
    }
    scheduler.sent();
    if (link.send(trajectory)) {
      counters.trajectoriesSent += 1;
      onSent(trajectory, chunk);
    } else {
      counters.trajectoriesDropped += 1;
      scheduler.settle(trajectory.id, false, nowMs);
    }
  }
}

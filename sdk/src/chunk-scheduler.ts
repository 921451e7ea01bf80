import type { PolicySpec } from "./bundle/manifest.ts";
import { type ChunkHandover, replace } from "./handover/chunk-handover.ts";
import { createPlan, type Plan, positionAt, velocityAt } from "./plan.ts";
import type { ActionChunk } from "./types.ts";

export interface SchedulerCounters {
  chunksScheduled: number;
  /** Chunks of which no row could be reached any more, or which came while the plan before was undecided. */
  chunksLate: number;
  /** Rows that were past, or too near, when their chunk arrived. */
  rowsSkipped: number;
  /** Grid instants at which an observation was due and which passed unobserved. */
  instantsMissed: number;
}

/** Times are floats; instants of one grid differ by rounding only. */
const EPSILON_MS = 1e-6;

/** The upper half of the 16-bit ids is for trajectories that are not from the policy. */
const MAX_PLAN_ID = 0x7fff;

/**
 * Turns chunks into trajectories on one running grid of `dtMs`.
 *
 * At grid instant t the observation is taken. Row `actionStartIndex + j` is due at `t + (j + 1) * dtMs`, reached by a straight ramp.
 * The first `leadSteps` rows belong to the plan already committed and are skipped; so is every later row whose ramp would
 * begin before the trajectory can be there. The next observation is due `nActionSteps` steps later.
 *
 * A trajectory carries the whole rest of its horizon: the next chunk replaces that tail before it is reached. When it is late,
 * the arm follows the same chunk's own prediction, never an extrapolation, for at most that tail, then brakes and
 * holds. A stale observation drops the tail at once, because the loop then sends hold.
 */
export class ChunkScheduler {
  readonly counters: SchedulerCounters = {
    chunksScheduled: 0,
    chunksLate: 0,
    rowsSkipped: 0,
    instantsMissed: 0,
  };
  readonly #policy: PolicySpec;
  readonly #minLeadMs: number;
  readonly #maxWaypoints: number;
  readonly #handover: ChunkHandover;
  #committed: Plan;
  #pending: Plan;
  #hasCommitted = false;
  #isPending = false;
  #originMs = Number.NaN;
  #nextStep = 0;
  #id = 0;

  /** @param minLeadMs a ramp begins at least this long after its trajectory is made */
  constructor(
    policy: PolicySpec,
    jointCount: number,
    minLeadMs: number,
    maxWaypoints: number,
    handover: ChunkHandover = replace,
  ) {
    this.#policy = policy;
    this.#minLeadMs = minLeadMs;
    this.#maxWaypoints = maxWaypoints;
    this.#handover = handover;
    const capacity = policy.horizon * handover.pointsPerStep;
    this.#committed = createPlan(capacity, jointCount);
    this.#pending = createPlan(capacity, jointCount);
  }

  /** True between `start` and `stop`. */
  get isRunning(): boolean {
    return !Number.isNaN(this.#originMs);
  }

  /** Starts a grid at `originMs`, the first instant to observe. The arm is at rest. */
  start(originMs: number): void {
    this.stop();
    this.#originMs = originMs;
    this.#nextStep = 0;
  }

  /** Forgets grid and plans. */
  stop(): void {
    this.#originMs = Number.NaN;
    this.#hasCommitted = false;
    this.#isPending = false;
    this.#handover.reset();
  }

  isObservationDue(nowMs: number): boolean {
    return nowMs + EPSILON_MS >= this.#originMs + this.#nextStep * this.#policy.dtMs;
  }

  /** The exact grid instant to observe now: the newest one, so that a stall is skipped and not made up for. */
  takeInstant(nowMs: number): number {
    const { dtMs, nActionSteps } = this.#policy;
    const step = Math.floor((nowMs - this.#originMs + EPSILON_MS) / dtMs);
    this.counters.instantsMissed += Math.max(0, step - this.#nextStep);
    this.#nextStep = step + nActionSteps;
    return this.#originMs + step * dtMs;
  }

  /** Asks for an observation at the next instant instead of in `nActionSteps`: the last chunk came to nothing. */
  retryAt(nowMs: number): void {
    const step = Math.ceil((nowMs - this.#originMs - EPSILON_MS) / this.#policy.dtMs);
    this.#nextStep = Math.min(this.#nextStep, step);
  }

  /** True when the arm has run out of waypoints. */
  isStarved(nowMs: number): boolean {
    if (!this.#hasCommitted) return false;
    const { startAtMs, count, dtMs } = this.#committed.trajectory;
    return nowMs > startAtMs + (count - 1) * dtMs;
  }

  /**
   * Makes a plan of the chunk's rows that can still be reached; `settle` says later what became of it.
   *
   * @param restCommand the joints' command at rest, used when no plan is running
   * @returns the plan, valid until the next call, or undefined when the chunk is too late (counted)
   */
  schedule(
    chunk: ActionChunk,
    nowMs: number,
    restCommand: Readonly<Float64Array>,
  ): Plan | undefined {
    const { dtMs, actionStartIndex, leadSteps, horizon } = this.#policy;
    const observedStep = Math.round((chunk.observedAtMs - this.#originMs) / dtMs);
    const earliestStep = Math.ceil((nowMs + this.#minLeadMs - this.#originMs - EPSILON_MS) / dtMs);
    const rampStep = Math.max(observedStep + leadSteps, earliestStep);
    const firstRow = actionStartIndex + rampStep - observedStep;
    const rowsLeft = Math.max(0, horizon - firstRow);
    this.counters.rowsSkipped += horizon - actionStartIndex - leadSteps - rowsLeft;
    const plan = this.#pending;
    const rampAtMs = this.#originMs + rampStep * dtMs;
    if (this.#isPending || rowsLeft === 0 || !this.#fillJunction(plan, rampAtMs, restCommand)) {
      this.counters.chunksLate += 1;
      this.retryAt(nowMs);
      return undefined;
    }
    const { trajectory } = plan;
    this.#id = (this.#id % MAX_PLAN_ID) + 1;
    trajectory.id = this.#id;
    trajectory.startAtMs = rampAtMs + dtMs;
    trajectory.dtMs = dtMs;
    trajectory.count = rowsLeft;
    const first = firstRow * trajectory.jointCount;
    for (let i = 0; i < trajectory.count * trajectory.jointCount; i += 1) {
      trajectory.positions[i] = chunk.rows[first + i] ?? Number.NaN;
    }
    plan.firstRow = firstRow;
    this.#handover.join(plan, chunk);
    trajectory.count = Math.min(
      trajectory.count,
      this.#roomAfter(rampAtMs - nowMs, trajectory.dtMs),
    );
    return plan;
  }

  /** The plan just made is on its way. */
  sent(): void {
    this.#isPending = true;
  }

  /** @returns false when `id` is not the plan on its way */
  settle(id: number, isAccepted: boolean, nowMs: number): boolean {
    if (!this.#isPending || this.#pending.trajectory.id !== id) return false;
    this.#isPending = false;
    if (isAccepted) {
      [this.#committed, this.#pending] = [this.#pending, this.#committed];
      this.#hasCommitted = true;
      this.counters.chunksScheduled += 1;
    } else {
      this.counters.chunksLate += 1;
      this.retryAt(nowMs);
    }
    return true;
  }

  /** Waypoints that the controller can take while it holds those of the next `committedMs`, some of them on another grid. */
  #roomAfter(committedMs: number, dtMs: number): number {
    const committed = this.#hasCommitted ? Math.ceil(committedMs / dtMs) + 1 : 0;
    return Math.max(1, this.#maxWaypoints - committed);
  }

  /** False when the running plan ends before `rampAtMs` or begins after it: nobody knows then where the arm will be. */
  #fillJunction(plan: Plan, rampAtMs: number, restCommand: Readonly<Float64Array>): boolean {
    if (!this.#hasCommitted) {
      plan.junctionPosition.set(restCommand);
      plan.junctionVelocity.fill(0);
      plan.junctionAcceleration.fill(0);
      return true;
    }
    const { trajectory, junctionPosition, junctionVelocity, junctionAcceleration } =
      this.#committed;
    const { startAtMs, dtMs, count, jointCount } = trajectory;
    const row = Math.round((rampAtMs - startAtMs) / dtMs);
    if (row < -1 || row >= count) return false;
    if (row === -1) {
      plan.junctionPosition.set(junctionPosition);
      plan.junctionVelocity.set(junctionVelocity);
      plan.junctionAcceleration.set(junctionAcceleration);
      return true;
    }
    for (let j = 0; j < jointCount; j += 1) {
      plan.junctionPosition[j] = positionAt(this.#committed, row, j);
      const velocity = velocityAt(this.#committed, row, j);
      const before = velocityAt(this.#committed, row - 1, j);
      plan.junctionVelocity[j] = velocity;
      plan.junctionAcceleration[j] = ((velocity - before) * 1000) / dtMs;
    }
    return true;
  }
}

/**
 * sensors ─► buffer ─► policy ─► guard.admit ─► scheduler ─► guard.enforce ─► link
 * A tick supervises and starts inferences; a finished inference sends a trajectory. The motor controller owns every deadline.
 */
import type { ActuatorLink, LinkDescription } from "./actuator-link.ts";
import type { Clock } from "./clock.ts";
import { asOmpError, ErrorCode, OmpError } from "./errors.ts";
import { type Fault, FaultReason } from "./faults.ts";
import type { ChunkHandover } from "./handover/chunk-handover.ts";
import { createHandover } from "./handover/handover-options.ts";
import { LoopAnnouncements } from "./loop-announcements.ts";
import { type ControlLoopParts, requireSensors } from "./loop-parts.ts";
import { createLoopStages, type LoopStages } from "./loop-stages.ts";
import {
  createLoopCounters,
  type LoopCounters,
  type LoopEvents,
  type LoopInput,
  type LoopState,
  nextLoopState,
  requireLoopState,
} from "./loop-state.ts";
import { ObservationBuffer } from "./observation-buffer.ts";
import { type ControlLoopOptions, resolveOptions } from "./options.ts";
import { ClockPacer, type Pacer } from "./pacer.ts";
import { PolicySlot } from "./policy-slot.ts";
import { PoseMove, requirePose } from "./pose-move.ts";
import { pollSensors } from "./sensor.ts";
import type { LatencyHistogram } from "./telemetry.ts";
import { type ActionChunk, createJointState, type JointState, type Trajectory } from "./types.ts";

type HoldCause = "paused" | "observation" | "uncertain" | PoseMove;

/** Runs one policy on one arm: observe, infer, guard, schedule, send; hold when in doubt, latch faults. */
export class ControlLoop {
  readonly slot: PolicySlot;
  readonly counters: Readonly<LoopCounters>;
  readonly options: ControlLoopOptions;
  readonly #counters: LoopCounters = createLoopCounters();
  readonly #parts: ControlLoopParts;
  readonly #link: ActuatorLink;
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  readonly #buffer: ObservationBuffer;
  readonly #handover: ChunkHandover;
  readonly #joint: JointState;
  readonly #announce: LoopAnnouncements;
  readonly #subscriptions: (() => void)[] = [];
  #stages: LoopStages | undefined;
  #state: LoopState = "idle";
  #fault: Fault | undefined;
  #holdCause: HoldCause = "paused";
  #holdingSinceMs = 0;
  /** In an array, because V8 boxes a number that crosses a call it does not inline. */
  readonly #tickAtMs: Float64Array = new Float64Array(1);
  #armedAtMs = 0;
  /** Changes with every start, stop and fault, so that an arming that was overtaken ends. */
  #epoch = 0;
  /** True while the controller is told, so that its fault is not taken for one of its own. */
  #isEmergency = false;
  #disarming: Promise<void> = Promise.resolve();

  /** @throws {OmpError} INVALID_ARGUMENT for an option out of range or an observation key without sensor */
  constructor(parts: ControlLoopParts) {
    const { policy, link, clock, sensors } = parts;
    this.#parts = parts;
    this.#link = link;
    this.#clock = clock;
    this.#announce = new LoopAnnouncements(parts.telemetry);
    this.#pacer = parts.pacer ?? new ClockPacer(clock);
    this.options = resolveOptions(parts.options);
    this.counters = this.#counters;
    this.slot = new PolicySlot(policy);
    this.#buffer = new ObservationBuffer(policy.manifest, parts.alignment);
    this.#handover = createHandover(policy.manifest, parts.handover);
    this.#joint = createJointState(policy.manifest.action.joints.length);
    requireSensors(policy.manifest, sensors);
  }

  get state(): LoopState {
    return this.#state;
  }

  get #isLive(): boolean {
    return this.#state === "running" || this.#state === "holding";
  }

  /** The latched fault, while there is one. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** How late each tick began; empty when the caller ticks. */
  get tickLatenessMs(): LatencyHistogram {
    return this.#pacer.latenessMs;
  }

  /** The stages, for their counters and histograms; they exist once a controller has been connected. */
  get stages(): LoopStages | undefined {
    return this.#stages;
  }

  /** Returns a function that unsubscribes. */
  on<Name extends keyof LoopEvents>(event: Name, listener: LoopEvents[Name]): () => void {
    return this.#announce.on(event, listener);
  }

  /**
   * Connects the link if it is closed, arms it, starts the sensors and, unless `paused`, the policy.
   *
   * @throws {OmpError} INVALID_STATE, LINK_MISMATCH when joints of bundle and controller differ, and what `connect` and `arm` throw
   */
  async start({ paused = false }: { readonly paused?: boolean } = {}): Promise<void> {
    requireLoopState("start", this.#state, "idle");
    this.#move("start");
    const epoch = this.#epoch;
    this.#subscribe();
    try {
      await this.#connect();
      for (const sensor of this.#parts.sensors) await sensor.start({ push: this.#push });
      await this.#arm(epoch);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#hold(paused ? "paused" : "observation", this.#clock.nowMs());
    if (this.#parts.ticking === "caller") return;
    this.#pacer.start(1000 / this.options.tickHz, this.#onTick);
  }

  /** Holds, disarms and stops the sensors; an inference still running is ignored. Safe in every state. */
  async stop(): Promise<void> {
    if (this.#state === "idle") return;
    this.#pacer.stop();
    this.#abandon("the loop was stopped");
    this.#move("stop");
    this.#link.hold();
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    try {
      await this.#link.disarm();
    } finally {
      await Promise.all(this.#parts.sensors.map(async (sensor) => sensor.stop()));
    }
  }

  /** Latches a fault on the controller first, then here. */
  emergencyStop(): void {
    this.#isEmergency = true;
    this.#link.emergencyStop();
    this.#isEmergency = false;
    this.latch(FaultReason.EmergencyStop, "emergencyStop() was called");
  }

  /**
   * Leaves `faulted`: reconnects a closed link, clears the controller's fault, arms, and runs the policy on fresh observations only.
   *
   * @throws {OmpError} INVALID_STATE, and what `connect`, `clearFault` and `arm` throw; the loop is then faulted again
   */
  async rearm(): Promise<void> {
    requireLoopState("rearm", this.#state, "faulted");
    this.#move("rearm");
    this.#fault = undefined;
    const epoch = this.#epoch;
    try {
      await this.#disarming;
      await this.#connect();
      if (this.#link.state === "faulted") await this.#link.clearFault();
      await this.#arm(epoch);
    } catch (error) {
      this.latch(FaultReason.LinkLost, asOmpError(error, ErrorCode.Internal, "rearm").message);
      throw error;
    }
    this.#buffer.reset();
    this.#hold("observation", this.#clock.nowMs());
  }

  /** Stops following the policy; the arm holds, armed, until `restartEpisode`. */
  pause(): void {
    requireLoopState("pause", this.#state, "running", "holding");
    this.#abandon("the loop was paused");
    this.#link.hold();
    this.#hold("paused", this.#clock.nowMs());
  }

  /** Forgets plan and observations, starts the noise of `seed`, and runs as soon as the arm rests and fresh samples came. */
  restartEpisode({ seed }: { readonly seed?: number } = {}): void {
    this.pause();
    this.#buffer.reset();
    if (seed !== undefined) this.slot.policy.reseed(seed);
    this.#hold("observation", this.#clock.nowMs());
  }

  /**
   * Moves smoothly to a pose and holds there, paused.
   *
   * @param fraction of the velocity and acceleration limits to use, 0 exclusive to 1
   * @throws {OmpError} INVALID_STATE, INVALID_ARGUMENT, LINK_REFUSED; also rejects when a fault or another call ends it
   */
  async moveTo(
    positions: ArrayLike<number>,
    { fraction = 0.5 }: { readonly fraction?: number } = {},
  ): Promise<void> {
    this.pause();
    const { joints, leadMs, description } = this.#requireStages();
    requirePose(positions, fraction, joints.length);
    const move = new PoseMove(joints, positions, fraction, leadMs, description.maxWaypoints);
    this.#hold(move, this.#clock.nowMs());
    return move.done;
  }

  /** Resolves when no inference is running. */
  async settled(): Promise<void> {
    await this.#stages?.runner.settled();
  }

  /** One supervision step; call it only with `ticking: "caller"`. */
  tick(nowMs: number): void {
    this.#tickAtMs[0] = nowMs;
    this.#supervise();
  }

  #supervise(): void {
    const nowMs = this.#tickAtMs[0] ?? 0;
    this.#counters.ticks += 1;
    pollSensors(this.#parts.sensors);
    if (!this.#isLive) return;
    this.#link.heartbeat();
    this.#link.readJointState(this.#joint);
    const isArmed = this.#joint.measuredAtMs >= this.#armedAtMs; // else its command is an older one
    const heardAtMs = isArmed ? this.#joint.measuredAtMs : this.#armedAtMs;
    if (nowMs - heardAtMs > this.options.jointStateTimeoutMs) {
      this.latch(FaultReason.LinkLost, `no joint state for ${nowMs - heardAtMs} ms`);
    } else if (isArmed && this.#state === "holding") {
      this.#tickHolding();
    } else if (isArmed && this.#state === "running") {
      const { runner, guard } = this.#requireStages();
      if (!guard.measured.check(this.#joint)) {
        this.#counters.limitHolds += 1;
        this.#announce.excess(guard.measured.detail);
        this.#stopFollowing("observation", guard.measured.detail);
      } else if (
        this.#buffer.check(nowMs).status !== "fresh" ||
        !runner.tick(nowMs, this.#joint.command)
      ) {
        this.#counters.staleHolds += 1;
        this.#stopFollowing("observation", "an observation is stale");
      }
    }
  }

  #tickHolding(): void {
    const cause = this.#holdCause;
    if (cause === "paused") return;
    const nowMs = this.#tickAtMs[0] ?? 0;
    const { guard } = this.#requireStages();
    if (typeof cause === "object") {
      if (cause.tick(nowMs, this.#link, guard, this.#joint)) this.#hold("paused", nowMs);
      return;
    }
    const isWithin = guard.measured.check(this.#joint);
    const heldMs = nowMs - this.#holdingSinceMs;
    if (cause === "uncertain" && heldMs < this.options.uncertainHoldMs) return;
    const { status, key, ageMs } = this.#buffer.check(nowMs);
    if (status === "fresh" && isWithin) {
      if (this.#link.state === "armed") this.#move("run");
    } else if (heldMs > this.options.staleFaultMs) {
      if (!isWithin) this.latch(FaultReason.LimitExceeded, guard.measured.detail);
      else this.latch(FaultReason.ObservationStale, `${key} is ${status} (${ageMs} ms)`);
    }
  }

  #stopFollowing(cause: "observation" | "uncertain", why: string): void {
    this.#abandon(why);
    this.#link.hold();
    this.#hold(cause, this.#clock.nowMs());
  }

  #hold(cause: HoldCause, nowMs: number): void {
    this.#holdCause = cause;
    // A link may report a fault from inside the call that led here: the fault stands.
    if (this.#state === "faulted") return this.#abandon("the loop faulted");
    this.#holdingSinceMs = nowMs;
    this.#move(this.#state === "arming" ? "armed" : "hold");
  }

  /** Latches a fault, also one that was found outside of the loop. No effect while idle or faulted. */
  latch(reason: FaultReason, detail: string): void {
    if (nextLoopState(this.#state, "fault") === undefined || this.#state === "faulted") return;
    this.#counters.faults += 1;
    const fault = { reason, detail, atMs: this.#clock.nowMs() };
    this.#fault = fault;
    this.#abandon(`the loop faulted: ${reason}`);
    this.#link.hold();
    this.#move("fault");
    this.#disarming = this.#link.disarm().catch(() => undefined);
    this.#announce.faulted(fault);
  }

  /** What is being computed or moved by now is void. */
  #abandon(why: string): void {
    this.#epoch += 1;
    this.#stages?.runner.abandon(this.#clock.nowMs());
    if (typeof this.#holdCause !== "object") return;
    this.#holdCause.cancel(new OmpError(ErrorCode.InvalidState, { what: `moveTo ended: ${why}` }));
    this.#holdCause = "paused";
  }

  #move(input: LoopInput): void {
    const previous = this.#state;
    const next = nextLoopState(previous, input);
    if (next === undefined) {
      throw new OmpError(ErrorCode.Internal, { what: `loop input ${input} in ${previous}` });
    }
    if (next === previous) return;
    this.#state = next;
    this.#announce.stateChanged(next, previous);
  }

  async #connect(): Promise<void> {
    const known = this.#stages?.description ?? this.#parts.description;
    const description = this.#link.state === "closed" ? await this.#link.connect() : known;
    if (description === undefined) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "the link is open already and the loop does not know its controller",
        next: "Pass the description that connect() returned, or a closed link.",
      });
    }
    const isSame = JSON.stringify(description) === JSON.stringify(this.#stages?.description);
    if (!isSame) this.#stages = this.#createStages(description);
  }

  #createStages(description: LinkDescription): LoopStages {
    const parts = {
      slot: this.slot,
      clock: this.#clock,
      buffer: this.#buffer,
      link: this.#link,
      counters: this.#counters,
      inferenceTimeoutMs: this.options.inferenceTimeoutMs,
      maxSpread: this.options.maxSpread,
      onFault: this.latch.bind(this),
      onUncertain: (spread: number): void => {
        this.#counters.spreadHolds += 1;
        this.#announce.uncertain(spread);
        this.#stopFollowing("uncertain", "the policy is not sure");
      },
      onSent: (trajectory: Trajectory, chunk: ActionChunk): void => {
        this.#announce.sent(trajectory, chunk, this.#requireStages().guard.clampedWaypoints);
      },
    };
    return createLoopStages(parts, description, this.options, this.#handover, this.#parts.guard);
  }

  async #arm(epoch: number): Promise<void> {
    await this.#link.arm(this.options.leaseMs);
    this.#armedAtMs = this.#clock.nowMs();
    this.#stages?.guard.reset();
    if (epoch === this.#epoch) return;
    await this.#link.disarm();
    throw new OmpError(ErrorCode.InvalidState, { what: "the loop was stopped while it armed" });
  }

  #subscribe(): void {
    this.#subscriptions.push(
      this.#link.on("trajectoryDecided", (id, verdict) => {
        const cause = this.#holdCause;
        const isMoveOver = typeof cause === "object" && cause.decide(id, verdict);
        if (isMoveOver) this.#hold("paused", this.#clock.nowMs());
        else this.#stages?.runner.decide(id, verdict);
      }),
      this.#link.on("stateChanged", (state, detail) => {
        if (this.#isEmergency || !this.#isLive) return;
        if (state === "closed") this.latch(FaultReason.LinkLost, `the link closed: ${detail}`);
        if (state === "faulted") this.latch(FaultReason.ControllerFault, detail);
        if (state === "idle") this.latch(FaultReason.ControllerFault, "disarmed by itself");
      }),
    );
  }

  readonly #push = (key: string, values: ArrayLike<number>, capturedAtMs: number): void => {
    try {
      this.#buffer.push(key, values, capturedAtMs);
    } catch (error) {
      const { message } = asOmpError(error, ErrorCode.InvalidObservation, `sample of ${key}`);
      if (this.#state !== "arming") this.latch(FaultReason.ObservationInvalid, message);
    }
  };

  readonly #onTick = (skipped: number): void => {
    this.#counters.ticksSkipped += skipped;
    this.#tickAtMs[0] = this.#clock.nowMs();
    this.#supervise();
  };

  #requireStages(): LoopStages {
    if (this.#stages !== undefined) return this.#stages;
    throw new OmpError(ErrorCode.Internal, { what: "a running loop has no controller" });
  }
}

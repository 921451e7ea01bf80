import {
  type ActuatorLink,
  createLinkCounters,
  type LinkCounters,
  type LinkDescription,
  type LinkEvents,
  type LinkState,
  requireLeaseMs,
  type TrajectoryVerdict,
} from "../actuator-link.ts";
import { type Clock, sleepUntil } from "../clock.ts";
import { ErrorCode, OmpError } from "../errors.ts";
import { Listeners } from "../internal/listeners.ts";
import type { Joint, JointState, Trajectory } from "../types.ts";
import { LoopbackController } from "./loopback-controller.ts";

export interface LoopbackOptions {
  readonly joints: readonly Joint[];
  /** Start pose; zeros when left out. */
  readonly position?: ArrayLike<number>;
  /** Time a trajectory takes to the controller, ms. Default 0. */
  readonly delayMs?: number;
  /** Default 2. */
  readonly minLeadMs?: number;
  /** Default 64. */
  readonly maxWaypoints?: number;
  /** Period of joint states, ms. Default 10. */
  readonly statePeriodMs?: number;
}

/** A link to an ideal controller in this process: its joints are exactly where it commands them. */
export class LoopbackLink implements ActuatorLink {
  readonly counters: LinkCounters = createLinkCounters();
  /** The far end; tests may look and break things. */
  readonly controller: LoopbackController;
  readonly #clock: Clock;
  readonly #description: LinkDescription;
  readonly #delayMs: number;
  readonly #statePeriodMs: number;
  readonly #listeners = new Listeners<LinkEvents>();
  #state: LinkState = "closed";
  /** Changes with every connection: what was sent in an older session never arrives. */
  #session = 0;
  #hasJointState = false;
  #cancelPoll: () => void = () => undefined;

  constructor(clock: Clock, options: LoopbackOptions) {
    const { joints, delayMs = 0, minLeadMs = 2, maxWaypoints = 64, statePeriodMs = 10 } = options;
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#statePeriodMs = statePeriodMs;
    this.#description = {
      name: "loopback",
      joints,
      firmware: "loopback",
      minLeadMs,
      maxWaypoints,
    };
    const position = options.position ?? new Float64Array(joints.length);
    this.controller = new LoopbackController(joints, position, minLeadMs, maxWaypoints);
  }

  get state(): LinkState {
    this.#advance();
    return this.#state;
  }

  async connect(): Promise<LinkDescription> {
    this.#require("connect", "closed");
    this.#session += 1;
    if (this.#session > 1) this.counters.reconnects += 1;
    this.controller.advanceTo(this.#clock.nowMs());
    this.controller.disarm();
    this.#enter("idle", "");
    this.#poll(this.#clock.nowMs());
    return Promise.resolve(this.#description);
  }

  async arm(leaseMs: number): Promise<void> {
    this.#require("arm", "idle", "armed", "moving");
    requireLeaseMs(leaseMs);
    if (!this.controller.arm(leaseMs)) {
      throw new OmpError(ErrorCode.LinkRefused, { what: "the loopback controller does not arm" });
    }
    this.#advance();
    return Promise.resolve();
  }

  send(trajectory: Trajectory): boolean {
    const state = this.state;
    if (state !== "armed" && state !== "moving") {
      this.counters.framesDropped += 1;
      return false;
    }
    this.counters.framesSent += 1;
    const { id, startAtMs, dtMs, count, jointCount } = trajectory;
    const positions = trajectory.positions.slice(0, count * jointCount);
    const copy = { id, startAtMs, dtMs, count, jointCount, positions };
    const session = this.#session;
    this.#clock.callAt(this.#clock.nowMs() + this.#delayMs, () => {
      if (session === this.#session && this.state !== "closed") this.#deliver(copy);
    });
    return true;
  }

  heartbeat(): void {
    if (this.#state === "closed") return;
    this.#advance();
    this.controller.renewLease();
  }

  hold(): void {
    if (this.#state === "closed") return;
    this.#advance();
    this.controller.hold();
    this.#advance();
  }

  emergencyStop(): void {
    if (this.#state === "closed") return;
    this.controller.latch("emergency stop");
    this.#advance();
  }

  readJointState(out: JointState): boolean {
    this.#advance();
    if (this.#hasJointState) this.controller.read(out);
    return this.#hasJointState;
  }

  async clearFault(): Promise<void> {
    this.#require("clearFault", "faulted");
    this.controller.clearFault();
    this.#advance();
    return Promise.resolve();
  }

  async disarm(): Promise<void> {
    if (this.#state === "closed") return;
    this.#advance();
    this.controller.disarm();
    while (this.state === "moving") await sleepUntil(this.#clock, this.#clock.nowMs() + 1);
  }

  async close(): Promise<void> {
    await this.disarm();
    this.unplug("closed by its owner");
    this.#hasJointState = false;
  }

  /** The wire is gone without a word to the controller, which carries on until its lease ends. */
  unplug(detail: string = "unplugged"): void {
    if (this.#state === "closed") return;
    this.#cancelPoll();
    this.#session += 1;
    this.#enter("closed", detail);
  }

  on<Name extends keyof LinkEvents>(event: Name, listener: LinkEvents[Name]): () => void {
    return this.#listeners.on(event, listener);
  }

  #deliver(trajectory: Trajectory): void {
    const verdict: TrajectoryVerdict = this.controller.take(trajectory);
    if (verdict === "accepted") {
      this.counters.framesAcked += 1;
      this.counters.trajectoriesAccepted += 1;
    } else {
      this.counters.framesRejected += 1;
      this.counters.trajectoriesRejected += 1;
    }
    this.#listeners.emit("trajectoryDecided", (listener) => {
      listener(trajectory.id, verdict);
    });
    this.#advance();
  }

  #poll(atMs: number): void {
    this.#advance();
    this.counters.framesReceived += 1;
    this.#hasJointState = true;
    this.#listeners.emit("jointStateReceived", (listener) => {
      listener();
    });
    if (this.#state === "closed") return;
    const nextMs = Math.max(atMs + this.#statePeriodMs, this.#clock.nowMs());
    this.#cancelPoll = this.#clock.callAt(nextMs, () => {
      this.#poll(nextMs);
    });
  }

  #advance(): void {
    if (this.#state === "closed") return;
    this.controller.advanceTo(this.#clock.nowMs());
    this.#enter(this.controller.state, this.controller.faultDetail);
  }

  #enter(state: LinkState, detail: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#listeners.emit("stateChanged", (listener) => {
      listener(state, detail);
    });
  }

  #require(call: string, ...states: readonly LinkState[]): void {
    const state = this.state;
    if (states.includes(state)) return;
    throw new OmpError(ErrorCode.InvalidState, {
      what: `${call}() is not possible now`,
      observed: `link ${state}`,
      expected: states.join(" or "),
    });
  }
}

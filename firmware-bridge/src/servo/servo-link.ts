import {
  createLinkCounters,
  requireLeaseMs,
  type ActuatorLink,
  type LinkCounters,
  type LinkDescription,
  type LinkEvents,
  type LinkState,
  type TrajectoryVerdict,
} from "../../../sdk/src/actuator-link.ts";
import { sleepUntil, type Clock } from "../../../sdk/src/clock.ts";
import { OmpError, asOmpError } from "../../../sdk/src/errors.ts";
import { Listeners } from "../../../sdk/src/internal/listeners.ts";
import { createJointState, type JointState, type Trajectory } from "../../../sdk/src/types.ts";
import { ControllerFault, faultName } from "../protocol/constants.ts";
import { TickGrid } from "../tick-grid.ts";
import { dtTicksOf, fillCounts } from "../trajectory-counts.ts";
import { createServoBusCounters, type ServoBusCounters } from "./servo-bus-counters.ts";
import {
  armSpec,
  connectServos,
  hostTick,
  type ArmSpec,
  type ServoConnection,
} from "./servo-connection.ts";
import { ServoCycle, refused } from "./servo-cycle.ts";
import type { ServoLinkOptions } from "./servo-link-options.ts";

const brakeTimeoutMs = 3000;
const pollMs = 2;

interface Running {
  readonly connection: ServoConnection;
  readonly cycle: ServoCycle;
}

/**
 * An {@link ActuatorLink} to bus servos, Feetech STS or Dynamixel X, without a motor controller: this host interpolates, limits and
 * supervises, by the same rules and in the same integers as PROTOCOL.md.
 *
 *     trajectory ─► HostController ─► goals ─► sync write ─► servos
 *     joint state ◄───────────────── states ◄─ sync read  ◄──┘          once each cycle
 *
 * What it cannot have is a deadline outside this process. Every goal is a small step from the one before, and the servos are told to
 * move little faster than the joint's limit, so an arm whose host stops talking stops at its last goal and holds. A Dynamixel's own
 * watchdog says so as well; a Feetech servo has none. Torque stays on when the link is disarmed or closed: an arm without it falls.
 */
export class ServoLink implements ActuatorLink {
  readonly #options: ServoLinkOptions;
  readonly #clock: Clock;
  readonly #arm: ArmSpec;
  readonly #listeners = new Listeners<LinkEvents>();
  readonly #counters: LinkCounters = createLinkCounters();
  readonly #busCounters: ServoBusCounters = createServoBusCounters();
  readonly #grid = new TickGrid();
  readonly #latest: JointState;
  #running: Running | undefined;
  #opening: { isCancelled: boolean; cancel: () => void } | undefined;
  #closing: Promise<void> = Promise.resolve();
  #hasConnected = false;
  /** `arm` or `release` under way. */
  #work: Promise<void> = Promise.resolve();
  #state: LinkState = "closed";

  /** @throws {OmpError} CALIBRATION_INVALID, INVALID_ARGUMENT */
  constructor(options: ServoLinkOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#arm = armSpec(options);
    this.#latest = createJointState(this.#arm.joints.length);
  }

  get state(): LinkState {
    return this.#state;
  }

  get counters(): Readonly<LinkCounters> {
    const bus = this.#busCounters;
    this.#counters.framesSent = bus.packetsSent;
    this.#counters.framesReceived = bus.packets;
    this.#counters.crcErrors = bus.checksumErrors;
    this.#counters.framesMalformed = bus.malformed + bus.unexpectedPackets + bus.unexpectedEchoes;
    return this.#counters;
  }

  /** What went over the bus, and every way to lose a packet. They survive a reconnect. */
  get busCounters(): Readonly<ServoBusCounters> {
    return this.#busCounters;
  }

  async connect(): Promise<LinkDescription> {
    if (this.#state !== "closed" || this.#opening !== undefined) {
      throw this.#wrongState("connect", "closed");
    }
    const opening = { isCancelled: false, cancel: (): void => {} };
    this.#opening = opening;
    try {
      await this.#closing;
      const transport = await this.#options.openTransport();
      opening.cancel = (): void => {
        this.#closing = transport.close();
      };
      if (opening.isCancelled) throw cancelled();
      const connection = await connectServos(
        transport,
        this.#arm,
        this.#options,
        this.#busCounters,
      );
      connection.bus.onClose((reason) => {
        this.#end(connection, reason);
      });
      if (opening.isCancelled || !connection.bus.isOpen) throw cancelled();
      const running = { connection, cycle: new ServoCycle(connection, this.#arm, this.#clock) };
      this.#running = running;
      if (this.#hasConnected) this.#counters.reconnects++;
      this.#hasConnected = true;
      running.cycle.fillJointState(this.#latest);
      this.#refresh();
      void this.#run(running);
      return connection.description;
    } catch (error) {
      opening.cancel();
      throw asOmpError(error, "LINK_OPEN_FAILED", "the servo bus cannot be connected");
    } finally {
      this.#opening = undefined;
    }
  }

  async arm(leaseMs: number): Promise<void> {
    requireLeaseMs(leaseMs);
    const running = this.#running;
    const isFaulted = running?.connection.controller.state === "faulted";
    if (running === undefined || isFaulted || running.cycle.isChangingTorque) {
      throw this.#wrongState("arm", "idle or armed");
    }
    const { controller } = running.connection;
    await this.#exclusively(async () => {
      if (controller.state === "idle") await running.cycle.energize(leaseMs);
      else if (!(await running.cycle.changeLease(leaseMs))) throw refused("the arm brakes to idle");
    });
  }

  send(trajectory: Trajectory): boolean {
    const connection = this.#running?.connection;
    const state = connection?.controller.state;
    if (connection === undefined || (state !== "armed" && state !== "moving")) {
      this.#counters.framesDropped++;
      return false;
    }
    const { controller, description } = connection;
    const { maxWaypoints } = description;
    const jointCount = this.#arm.joints.length;
    const dtTicks = dtTicksOf(trajectory, { jointCount, maxWaypoints, tickMs: 1 });
    const rows = new Int32Array(trajectory.count * jointCount);
    fillCounts(trajectory, rows);
    const { id, startAtMs, dtMs } = trajectory;
    const isAtRest = !controller.isMoving;
    const t0 = this.#grid.place(startAtMs, dtMs, dtTicks, startAtMs, isAtRest, neverShorten);
    const verdict = controller.take(hostTick(this.#clock), t0, dtTicks, rows);
    this.#count(verdict);
    // Later, because the outcome must not arrive before `send` has returned.
    this.#clock.callAt(this.#clock.nowMs(), () => {
      if (this.#running?.connection !== connection) return;
      this.#listeners.emit("trajectoryDecided", (listener) => {
        listener(id, verdict);
      });
      this.#refresh();
    });
    return true;
  }

  heartbeat(): void {
    this.#running?.connection.controller.heartbeat(hostTick(this.#clock));
    this.#refreshSoon();
  }

  hold(): void {
    this.#running?.connection.controller.hold(hostTick(this.#clock));
    this.#refreshSoon();
  }

  emergencyStop(): void {
    const estop = faultName(ControllerFault.Estop);
    this.#running?.connection.controller.latch(hostTick(this.#clock), estop);
    this.#refreshSoon();
  }

  readJointState(out: JointState): boolean {
    if (this.#running === undefined) return false;
    out.measuredAtMs = this.#latest.measuredAtMs;
    out.position.set(this.#latest.position);
    out.command.set(this.#latest.command);
    out.velocity.set(this.#latest.velocity);
    out.effort.set(this.#latest.effort);
    return true;
  }

  async clearFault(): Promise<void> {
    const running = this.#running;
    if (running === undefined || running.connection.controller.state !== "faulted") {
      throw this.#wrongState("clearFault", "faulted");
    }
    running.connection.controller.clearFault();
    this.#refresh();
    await this.#atRest(running.cycle);
  }

  async disarm(): Promise<void> {
    await this.#work;
    const running = this.#running;
    const state = running?.connection.controller.state;
    if (running === undefined || state === "faulted" || state === "idle") return;
    running.connection.controller.disarm(hostTick(this.#clock));
    this.#refresh();
    await this.#atRest(running.cycle);
    await running.cycle.stopWatchdog();
  }

  /**
   * Switches torque off: the arm falls unless something holds it. Allowed in idle, and in a fault for servos that must cool down.
   *
   * @throws {OmpError} INVALID_STATE, LINK_TIMEOUT, LINK_REFUSED, LINK_CLOSED
   */
  async release(): Promise<void> {
    const running = this.#running;
    const state = running?.connection.controller.state;
    const isAllowed = state === "idle" || state === "faulted";
    if (running === undefined || !isAllowed || running.cycle.isChangingTorque) {
      throw this.#wrongState("release", "idle or faulted");
    }
    await this.#exclusively(async () => {
      await this.#atRest(running.cycle);
      await running.cycle.release();
    });
  }

  async close(): Promise<void> {
    if (this.#opening !== undefined) {
      this.#opening.isCancelled = true;
      this.#opening.cancel();
    }
    const connection = this.#running?.connection;
    if (connection === undefined) return;
    await this.disarm().catch(() => {
      // Servos that do not answer hold their last goal.
    });
    await connection.bus.close();
    await this.#closing;
  }

  on<Name extends keyof LinkEvents>(event: Name, listener: LinkEvents[Name]): () => void {
    return this.#listeners.on(event, listener);
  }

  async #run({ connection, cycle }: Running): Promise<void> {
    const { cycleMs = 10 } = this.#options;
    while (this.#running?.connection === connection) {
      const startedAtMs = this.#clock.nowMs();
      let isComplete = false;
      try {
        isComplete = await cycle.serve();
      } catch (error) {
        const { message } = asOmpError(error, "INTERNAL", "the cycle of the servo bus failed");
        connection.controller.latch(hostTick(this.#clock), `BUS (${message})`);
      }
      if (this.#running?.connection !== connection) return;
      this.#refresh();
      if (isComplete) {
        cycle.fillJointState(this.#latest);
        this.#listeners.emit("jointStateReceived", (listener) => {
          listener();
        });
      }
      await sleepUntil(this.#clock, Math.max(startedAtMs + cycleMs, this.#clock.nowMs()));
    }
  }

  /** Resolves when the servos have been told where the arm came to rest. */
  async #atRest(cycle: ServoCycle): Promise<void> {
    const deadlineMs = this.#clock.nowMs() + brakeTimeoutMs;
    while (this.#running?.cycle === cycle) {
      if (cycle.isAtRest) return;
      if (this.#clock.nowMs() > deadlineMs) {
        throw new OmpError("LINK_TIMEOUT", {
          what: "the arm did not come to rest",
          observed: `${this.#state} after ${brakeTimeoutMs} ms`,
        });
      }
      await sleepUntil(this.#clock, this.#clock.nowMs() + pollMs);
    }
  }

  /** What ends the link waits for it, so that no servo is left half way. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    const done = work();
    this.#work = done.catch(() => {});
    await done;
    this.#refresh();
  }

  #count(verdict: TrajectoryVerdict): void {
    if (verdict === "accepted") {
      this.#counters.framesAcked++;
      this.#counters.trajectoriesAccepted++;
    } else {
      this.#counters.framesRejected++;
      this.#counters.trajectoriesRejected++;
    }
  }

  #end(connection: ServoConnection, reason: string): void {
    if (this.#running?.connection !== connection) return;
    this.#running = undefined;
    this.#closing = connection.bus.close();
    this.#setState("closed", reason);
  }

  #refresh(): void {
    const controller = this.#running?.connection.controller;
    if (controller !== undefined) this.#setState(controller.state, controller.fault);
  }

  /** As with a controller at the end of a wire, no listener hears of a change from inside the call that made it. */
  #refreshSoon(): void {
    const running = this.#running;
    if (running === undefined || running.connection.controller.state === this.#state) return;
    this.#clock.callAt(this.#clock.nowMs(), () => {
      if (this.#running === running) this.#refresh();
    });
  }

  #setState(state: LinkState, detail: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#listeners.emit("stateChanged", (listener) => {
      listener(state, detail);
    });
  }

  #wrongState(call: string, expected: string): OmpError {
    const isBusy = this.#running?.cycle.isChangingTorque === true;
    const observed = isBusy ? `${this.#state}, torque is being switched` : this.#state;
    return new OmpError("INVALID_STATE", {
      what: `${call}() is not allowed now`,
      observed,
      expected,
    });
  }
}

function neverShorten(): boolean {
  return false;
}

function cancelled(): OmpError {
  return new OmpError("LINK_CLOSED", { what: "connect was cancelled", observed: "closed" });
}

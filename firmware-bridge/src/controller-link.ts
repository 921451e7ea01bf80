import {
  createLinkCounters,
  requireLeaseMs,
  type ActuatorLink,
  type LinkCounters,
  type LinkDescription,
  type LinkState,
} from "../../sdk/src/actuator-link.ts";
import { OmpError, asOmpError } from "../../sdk/src/errors.ts";
import { Listeners } from "../../sdk/src/internal/listeners.ts";
import type { JointState, Trajectory } from "../../sdk/src/types.ts";
import { EventLog } from "./controller-event.ts";
import type { ControllerLinkEvents, ControllerLinkOptions } from "./controller-link-options.ts";
import {
  readParameters,
  writeParameters,
  type ControllerParameters,
  type ParameterChanges,
} from "./controller-parameters.ts";
import { shakeHands, subscribe, type Controller } from "./handshake.ts";
import { describeLink } from "./link-description.ts";
import { AckCode, ControllerMode, MessageType } from "./protocol/constants.ts";
import type { Ack, StateMessage } from "./protocol/controller-messages.ts";
import { createDecoderCounters } from "./protocol/frame-decoder.ts";
import { allJointsMask, writeClearFault, writeEnable } from "./protocol/host-messages.ts";
import { copyJointState, linkStateOf } from "./reported-state.ts";
import { Session, closedError, faultedError, requireOk } from "./session.ts";
import { StopRequests } from "./stop-requests.ts";
import { TrajectorySender } from "./trajectory-sender.ts";
import type { Transport } from "./transport/transport.ts";

export type { ControllerLinkEvents, ControllerLinkOptions } from "./controller-link-options.ts";

/** What exists while there is a controller. */
interface Connection {
  readonly transport: Transport;
  readonly session: Session;
  /** Replaced when its parameters change. */
  controller: Controller;
  readonly sender: TrajectorySender;
}

const chorePeriodMs = 20;
const brakeTimeoutMs = 3000;

/**
 * An {@link ActuatorLink} to a controller that speaks PROTOCOL.md, over any transport.
 *
 *     trajectory ─► TickGrid ─► TRAJ parts ─► Session ─► Transport ─► controller
 *     joint state ◄─ clock map ◄─ STATE ◄──── Session ◄─ Transport ◄─┘
 *
 * Every `connect` opens a new transport and a new session id; the frames of an older session fail the controller's CRC. What the
 * controller reports in STATE is the truth of `state`; answers only bring it forward.
 */
export class ControllerLink implements ActuatorLink {
  readonly #options: Required<ControllerLinkOptions>;
  readonly #listeners = new Listeners<ControllerLinkEvents>();
  readonly #counters: LinkCounters = createLinkCounters();
  readonly #decoderCounters = createDecoderCounters();
  readonly #stops = new StopRequests();
  #connection: Connection | undefined;
  #opening: { session: Session | undefined; isCancelled: boolean } | undefined;
  #hasConnected = false;
  #state: LinkState = "closed";
  #latest: Readonly<StateMessage> | undefined;
  #leaseMs = 0;
  #events = new EventLog(this.#listeners);
  #lastHeartbeatAtMs = Number.NEGATIVE_INFINITY;
  #cancelChores: () => void = () => {};
  #closing: Promise<void> = Promise.resolve();

  constructor(options: ControllerLinkOptions) {
    this.#options = {
      jointStatePeriodMs: 5,
      ackTimeoutMs: 250,
      handshakeTimeoutMs: 3000,
      silenceTimeoutMs: 2000,
      ...options,
    };
  }

  get state(): LinkState {
    return this.#state;
  }

  get counters(): Readonly<LinkCounters> {
    const decoder = this.#decoderCounters;
    this.#counters.framesReceived = decoder.frames;
    this.#counters.crcErrors = decoder.crcErrors;
    return this.#counters;
  }

  async connect(): Promise<LinkDescription> {
    if (this.#state !== "closed" || this.#opening !== undefined) {
      throw this.#wrongState("connect", "closed");
    }
    const opening = { session: undefined as Session | undefined, isCancelled: false };
    this.#opening = opening;
    let transport: Transport | undefined;
    try {
      // A port is free again only when its last transport let go of it.
      await this.#closing;
      transport = await this.#options.openTransport();
      const session = this.#createSession(transport);
      opening.session = session;
      if (opening.isCancelled) throw closedError("connect was cancelled", "close() was called");
      const { clock, handshakeTimeoutMs } = this.#options;
      const controller = await shakeHands(session, clock, handshakeTimeoutMs);
      const sender = this.#createSender(transport, session, controller);
      this.#connection = { transport, session, controller, sender };
      this.#events.begin(controller, session.clockSync);
      const hasState = (): boolean => this.#latest !== undefined;
      await subscribe(session, controller, this.#options.jointStatePeriodMs, hasState);
      // A new session ends the motion of an older one by a brake.
      await this.#atRest(session);
      if (this.#hasConnected) this.#counters.reconnects++;
      this.#hasConnected = true;
      this.#doChores();
      return describeLink(this.#options.name, controller);
    } catch (error) {
      this.#drop();
      opening.session?.stop("connect failed");
      await transport?.close();
      this.#setState("closed", "connect failed");
      throw asOmpError(error, "LINK_OPEN_FAILED", `${this.#options.name} cannot be connected`);
    } finally {
      this.#opening = undefined;
    }
  }

  async arm(leaseMs: number): Promise<void> {
    requireLeaseMs(leaseMs);
    const connection = this.#connection;
    if (connection === undefined || this.#state === "faulted" || this.#stops.isEmergency) {
      throw this.#wrongState("arm", "idle or armed");
    }
    const { session, controller } = connection;
    const length = writeEnable(session.payload, {
      jointMask: allJointsMask(controller.joints.length),
      leaseMs,
      limitsCrc: controller.limitsCrc,
    });
    this.#leaseMs = leaseMs;
    requireOk(await session.request(MessageType.Enable, length, "ENABLE"), "ENABLE");
    this.#lastHeartbeatAtMs = this.#options.clock.nowMs();
    if (this.#state === "idle") this.#setState("armed");
    // A host that was late reads the answer and the end of its lease in one go.
    if (this.state === "faulted")
      throw faultedError(this.#events.faultDetail(this.#latest?.fault ?? 0));
  }

  send(trajectory: Trajectory): boolean {
    const connection = this.#connection;
    const isArmed = this.#state === "armed" || this.#state === "moving";
    if (connection === undefined || !isArmed || this.#stops.isEmergency) {
      this.#counters.framesDropped++;
      return false;
    }
    const isAtRest = this.#state === "armed" && connection.sender.outstanding === 0;
    const isSent = connection.sender.send(trajectory, isAtRest);
    // A repeated HOLD would stop what was just sent.
    if (isSent) this.#stops.holdIsOver();
    return isSent;
  }

  heartbeat(): void {
    if (this.#state !== "armed" && this.#state !== "moving") return;
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#lastHeartbeatAtMs < this.#leaseMs / 4) return;
    const seq = this.#connection?.session.post(MessageType.Heartbeat, 0) ?? -1;
    if (seq >= 0) this.#lastHeartbeatAtMs = nowMs;
  }

  hold(): void {
    if (this.#state !== "armed" && this.#state !== "moving") return;
    this.#connection?.transport.discardPending();
    this.#stops.hold(this.#connection?.session);
  }

  emergencyStop(): void {
    const session = this.#connection?.session ?? this.#opening?.session;
    if (session === undefined) return;
    this.#connection?.transport.discardPending();
    this.#stops.emergency(session);
  }

  readJointState(out: JointState): boolean {
    const latest = this.#latest;
    const session = this.#connection?.session;
    if (latest === undefined || session === undefined) return false;
    copyJointState(latest, session.clockSync, out);
    return true;
  }

  async clearFault(): Promise<void> {
    const connection = this.#connection;
    const latest = this.#latest;
    if (connection === undefined || latest === undefined || this.#state !== "faulted") {
      throw this.#wrongState("clearFault", "faulted");
    }
    const { session } = connection;
    const length = writeClearFault(session.payload, latest);
    requireOk(await session.request(MessageType.ClearFault, length, "CLEAR_FAULT"), "CLEAR_FAULT");
    this.#stops.emergencyIsOver();
    // The brake of the fault may not be over, and ENABLE is refused until it is.
    this.#setState(linkStateOf({ mode: ControllerMode.Idle, flags: latest.flags }));
    await this.#atRest(session);
  }

  async disarm(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || this.#state === "faulted" || this.#state === "idle") return;
    const { session, transport } = connection;
    this.#stops.holdIsOver();
    transport.discardPending();
    const answer = await session.request(MessageType.Disable, 0, "DISABLE");
    if (answer.mode === ControllerMode.Fault) return;
    requireOk(answer, "DISABLE");
    await this.#atRest(session);
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    if (opening !== undefined) {
      opening.isCancelled = true;
      opening.session?.stop("close() was called");
    }
    const connection = this.#connection;
    if (connection === undefined) return;
    await this.disarm().catch(() => {
      // A controller that does not answer stops by its lease.
    });
    connection.session.stop("closed by the host");
    await this.#closing;
  }

  on<Name extends keyof ControllerLinkEvents>(
    event: Name,
    listener: ControllerLinkEvents[Name],
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  /**
   * The controller's parameters, in SI units. Allowed while connected.
   *
   * @throws {OmpError} INVALID_STATE, LINK_TIMEOUT, LINK_MISMATCH, LINK_CLOSED
   */
  async readParameters(): Promise<ControllerParameters> {
    const connection = this.#connection;
    if (connection === undefined) throw this.#wrongState("readParameters", "connected");
    return readParameters(connection.session, connection.controller);
  }

  /**
   * Changes what is named and leaves the rest; the controller keeps it across resets. Allowed in `idle`. Whoever connected before and
   * does not know the new limits cannot arm.
   *
   * @throws {OmpError} INVALID_ARGUMENT, INVALID_STATE, LINK_REFUSED, LINK_TIMEOUT, LINK_MISMATCH, LINK_CLOSED
   */
  async writeParameters(changes: ParameterChanges): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || this.#state !== "idle") {
      throw this.#wrongState("writeParameters", "idle");
    }
    const { session, controller } = connection;
    await writeParameters(session, controller, changes, (described) => {
      connection.controller = { ...controller, ...described };
    });
  }

  #createSession(transport: Transport): Session {
    const { clock, ackTimeoutMs, silenceTimeoutMs } = this.#options;
    const session: Session = new Session(
      {
        clock,
        transport,
        ackTimeoutMs,
        silenceTimeoutMs,
        counters: this.#counters,
        decoderCounters: this.#decoderCounters,
      },
      {
        stateReceived: (state) => {
          this.#takeState(state);
        },
        acknowledged: (ack) => {
          this.#takeAck(ack);
        },
        eventReceived: (event) => {
          this.#events.take(event);
        },
        ended: (reason) => {
          if (this.#connection?.session !== session) return;
          this.#drop();
          this.#closing = transport.close();
          this.#setState("closed", reason);
        },
      },
    );
    return session;
  }

  #createSender(transport: Transport, session: Session, controller: Controller): TrajectorySender {
    return new TrajectorySender({
      session,
      transport,
      controller,
      clock: this.#options.clock,
      counters: this.#counters,
      ackTimeoutMs: this.#options.ackTimeoutMs,
      decided: (id, verdict) => {
        this.#listeners.emit("trajectoryDecided", (listener) => {
          listener(id, verdict);
        });
      },
    });
  }

  #takeState(state: Readonly<StateMessage>): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#latest = state;
    const isFault = state.mode === ControllerMode.Fault;
    if (isFault) this.#stops.emergencyIsOver();
    connection.sender.takeCommitted(state.chunkId);
    this.#setState(linkStateOf(state), isFault ? this.#events.faultDetail(state.fault) : "");
    this.#listeners.emit("jointStateReceived", notify);
  }

  #takeAck(ack: Readonly<Ack>): void {
    if (ack.type === MessageType.Hold) this.#stops.holdIsOver();
    if (ack.type !== MessageType.Traj) return;
    if (ack.code === AckCode.Ok && ack.mode === ControllerMode.Run) this.#setState("moving");
    this.#connection?.sender.takeAck(ack);
  }

  /** Repeats what must not be lost with a frame, and gives up on verdicts that do not come. */
  readonly #doChores = (): void => {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#stops.repeat(connection.session);
    connection.sender.expire();
    const { clock } = this.#options;
    this.#cancelChores = clock.callAt(clock.nowMs() + chorePeriodMs, this.#doChores);
  };

  /** Resolves when the arm has come to rest in idle, latched a fault, or is gone. */
  async #atRest(session: Session): Promise<void> {
    const deadlineMs = this.#options.clock.nowMs() + brakeTimeoutMs;
    while (this.#state === "armed" || this.#state === "moving") {
      if (this.#options.clock.nowMs() > deadlineMs) {
        throw new OmpError("LINK_TIMEOUT", {
          what: "the controller did not come to rest",
          observed: `${this.#state} after ${brakeTimeoutMs} ms`,
          expected: "idle",
        });
      }
      await session.awaitFrame(MessageType.State);
    }
  }

  /** Forgets the controller; the caller says so by `#setState`. */
  #drop(): void {
    this.#counters.framesDropped += this.#connection?.transport.writesDropped ?? 0;
    this.#connection = undefined;
    this.#latest = undefined;
    this.#stops.forget();
    this.#events = new EventLog(this.#listeners);
    this.#cancelChores();
  }

  #setState(state: LinkState, detail = ""): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#listeners.emit("stateChanged", (listener) => {
      listener(state, detail);
    });
  }

  #wrongState(call: string, expected: string): OmpError {
    const stopping = this.#stops.isEmergency ? ", emergency stop under way" : "";
    return new OmpError("INVALID_STATE", {
      what: `${call}() is not allowed now`,
      observed: `${this.#state}${stopping}`,
      expected,
    });
  }
}

/** One function for all, so that a joint state allocates nothing. */
function notify(listener: () => void): void {
  listener();
}

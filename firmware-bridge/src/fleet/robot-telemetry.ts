import type { Clock } from "../../../sdk/src/clock.ts";
import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import type { Fault } from "../../../sdk/src/faults.ts";
import type { LoopState } from "../../../sdk/src/loop-state.ts";
import { MonotonicClock } from "../../../sdk/src/runtime/node/monotonic-clock.ts";
import type { TelemetrySink } from "../../../sdk/src/telemetry.ts";
import type { BrokerCredentials } from "./broker-connection.ts";
import { EventQueue, type QueuedEvent } from "./event-queue.ts";
import {
  type BirthInfo,
  encodeBody,
  type EventFields,
  maxPayloadBytes,
  parseFleetMessage,
  type RobotMetrics,
} from "./messages.ts";
import { RobotPublisher } from "./robot-publisher.ts";
import { checkRobotId, robotTopic } from "./topics.ts";

export interface RobotTelemetryOptions {
  /** "mqtt://127.0.0.1:1883" */
  readonly brokerUrl: string;
  readonly credentials?: BrokerCredentials;
  /** 1 to 64 of A-Z a-z 0-9 . _ -; unique in the fleet. */
  readonly robotId: string;
  readonly birth: BirthInfo;
  /** Default: the machine's monotonic clock. */
  readonly clock?: Clock;
  /** UTC, ms; default `Date.now`. */
  readonly utcNowMs?: () => number;
  /** Default 3000. */
  readonly connectTimeoutMs?: number;
  /** At most this many states a second, 1 to 50, default 10. */
  readonly stateHz?: number;
}

/** What did not reach the broker. All start at 0. */
export interface TelemetryCounters {
  /** Heartbeats that were due while the broker was gone or had not acknowledged the one before. */
  heartbeatsDropped: number;
  /** State messages that were due likewise; a newer state went out instead. */
  statesDropped: number;
  /** Metrics that were due likewise. */
  metricsDropped: number;
  /** Events that fell out of the full queue, oldest first, or were too long. */
  eventsDropped: number;
}

const heartbeatPeriodMs = 1000;
const metricsPeriodMs = 1000;
const stateRepeatMs = 1000;

/**
 * Tells the fleet how one robot is, over MQTT as FLEET.md says.
 *
 * `heartbeat`, `state`, `metrics` and `event` only note their arguments: they do not block, throw or write to a socket. A timer
 * sends the newest of each when the broker has acknowledged the one before, so a slow or dead broker costs dropped and counted
 * messages and a fixed amount of memory. A lost connection comes back by itself with a new birth.
 */
export class RobotTelemetry implements TelemetrySink {
  readonly #clock: Clock;
  readonly #publisher: RobotPublisher;
  readonly #pumpPeriodMs: number;
  readonly #events = new EventQueue();
  readonly #counters: TelemetryCounters = {
    heartbeatsDropped: 0,
    statesDropped: 0,
    metricsDropped: 0,
    eventsDropped: 0,
  };
  #cancelPump: () => void = () => {};
  #isClosed = false;

  #loopAliveAtMs = Number.NaN;
  #heartbeats = 0;
  #heartbeatDueMs = 0;
  #loopState: LoopState = "idle";
  readonly #jointPosition: Float64Array;
  #fault: Fault | undefined;
  #stateAtMs = Number.NaN;
  #hasNewState = false;
  #stateDueMs = 0;
  #metrics: RobotMetrics | undefined;
  #metricsAtMs = 0;
  #metricsDueMs = 0;

  private constructor(options: RobotTelemetryOptions) {
    this.#clock = options.clock ?? new MonotonicClock();
    this.#pumpPeriodMs = 1000 / (options.stateHz ?? 10);
    this.#jointPosition = new Float64Array(options.birth.joints.length);
    this.#publisher = new RobotPublisher({
      brokerUrl: options.brokerUrl,
      credentials: options.credentials ?? {},
      robotId: options.robotId,
      birth: options.birth,
      clock: this.#clock,
      utcNowMs: options.utcNowMs ?? Date.now,
      connectTimeoutMs: options.connectTimeoutMs ?? 3000,
      announced: () => {
        this.#startOver();
      },
      lost: () => {
        this.#events.resend();
      },
    });
  }

  /**
   * Connects and announces the robot. Later losses of the broker are dealt with silently and counted.
   *
   * @throws {OmpError} LINK_OPEN_FAILED when the broker cannot be reached now, INVALID_ARGUMENT
   */
  static async connect(options: RobotTelemetryOptions): Promise<RobotTelemetry> {
    checkOptions(options);
    const telemetry = new RobotTelemetry(options);
    await telemetry.#publisher.open();
    telemetry.#pump();
    return telemetry;
  }

  get isConnected(): boolean {
    return this.#publisher.isConnected;
  }

  get counters(): Readonly<TelemetryCounters> {
    return this.#counters;
  }

  /** Messages the broker acknowledged. */
  get acknowledged(): number {
    return this.#publisher.acknowledged;
  }

  /** Connections after the first one. */
  get reconnects(): number {
    return this.#publisher.reconnects;
  }

  /** Events that wait for the broker's acknowledgement, at most 64. */
  get pendingEvents(): number {
    return this.#events.length;
  }

  /** The control loop is alive. Called every tick; the message that goes out once a second carries how long ago that was. */
  heartbeat(): void {
    this.#loopAliveAtMs = this.#clock.nowMs();
  }

  /**
   * The newest state; called as often as every tick.
   *
   * @param jointPosition one element a joint of the birth, rad or m; copied
   */
  state(loopState: LoopState, jointPosition: ArrayLike<number>, fault?: Fault): void {
    this.#loopState = loopState;
    for (let i = 0; i < this.#jointPosition.length; i += 1) {
      this.#jointPosition[i] = jointPosition[i] ?? Number.NaN;
    }
    this.#fault = fault;
    this.#stateAtMs = this.#clock.nowMs();
    this.#hasNewState = true;
  }

  /** The newest figures; sent once a second. Copied, so it allocates: call it about as often. */
  metrics(metrics: RobotMetrics): void {
    this.#metrics = { ...metrics };
    this.#metricsAtMs = this.#clock.nowMs();
  }

  /**
   * Something that happened once. Kept until the broker acknowledged it; of more than 64 waiting events the oldest is dropped.
   *
   * @param name at most 64 characters, the rest is cut
   * @param fields at most 32, the rest is left out
   */
  event(name: string, fields: EventFields): void {
    if (this.#isClosed) return;
    const stamp = this.#publisher.stamp(this.#clock.nowMs());
    this.#counters.eventsDropped += this.#events.push(stamp, name, fields);
  }

  /**
   * Sends what is new and a goodbye, then disconnects, so that no last will is published. Waits at most `timeoutMs` for the
   * broker; never throws.
   */
  async close(timeoutMs: number = 1000): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelPump();
    await Promise.race([this.#farewell(), this.#timeout(timeoutMs)]);
    this.#cancelPump();
    await this.#publisher.close();
  }

  /** A watcher forgets at a birth: everything known is due at once. */
  #startOver(): void {
    const nowMs = this.#clock.nowMs();
    this.#heartbeats = 0;
    this.#heartbeatDueMs = nowMs;
    this.#stateDueMs = nowMs;
    this.#metricsDueMs = nowMs;
  }

  #pump(): void {
    if (this.#isClosed) return;
    const nowMs = this.#clock.nowMs();
    this.#pumpHeartbeat(nowMs);
    this.#pumpState(nowMs);
    this.#pumpMetrics(nowMs);
    this.#pumpEvents();
    this.#cancelPump = this.#clock.callAt(nowMs + this.#pumpPeriodMs, () => {
      this.#pump();
    });
  }

  #pumpHeartbeat(nowMs: number): void {
    if (nowMs < this.#heartbeatDueMs) return;
    this.#heartbeatDueMs = nowMs + heartbeatPeriodMs;
    if (!this.#publisher.isFree("heartbeat")) {
      this.#counters.heartbeatsDropped += 1;
      return;
    }
    this.#heartbeats += 1;
    const text = encodeBody("heartbeat", {
      ...this.#publisher.stamp(nowMs),
      sequence: this.#heartbeats,
      loopAgeMs: Math.max(0, nowMs - this.#loopAliveAtMs),
      dropped: Object.values(this.#counters).reduce((sum, count) => sum + count, 0),
    });
    void this.#publisher.publish("heartbeat", text);
  }

  /** A state that stays as it is goes out again, for watchers that came later. */
  #pumpState(nowMs: number): void {
    if (Number.isNaN(this.#stateAtMs)) return;
    if (!this.#hasNewState && nowMs < this.#stateDueMs) return;
    this.#stateDueMs = nowMs + stateRepeatMs;
    if (this.#publisher.isFree("state")) void this.#publishState();
    else this.#counters.statesDropped += 1;
  }

  #pumpMetrics(nowMs: number): void {
    if (this.#metrics === undefined || nowMs < this.#metricsDueMs) return;
    this.#metricsDueMs = nowMs + metricsPeriodMs;
    if (this.#publisher.isFree("metrics")) void this.#publishMetrics(this.#metrics);
    else this.#counters.metricsDropped += 1;
  }

  #pumpEvents(): void {
    if (!this.isConnected) return;
    for (const event of this.#events.takeUnsent()) void this.#publishEvent(event);
  }

  async #farewell(): Promise<void> {
    if (!this.isConnected) return;
    await Promise.all([
      ...this.#events
        .takeUnsent(Number.POSITIVE_INFINITY)
        .map((event) => this.#publishEvent(event)),
      this.#hasNewState && this.#publishState(),
      this.#metrics && this.#publishMetrics(this.#metrics),
      this.#publisher.goodbye(),
    ]);
  }

  #timeout(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#cancelPump = this.#clock.callAt(this.#clock.nowMs() + timeoutMs, resolve);
    });
  }

  #publishState(): Promise<boolean> {
    this.#hasNewState = false;
    const fault = this.#fault;
    const text = encodeBody("state", {
      ...this.#publisher.stamp(this.#stateAtMs),
      loopState: this.#loopState,
      jointPosition: Array.from(this.#jointPosition, (one) => Math.round(one * 1e6) / 1e6),
      fault: fault === undefined ? null : { ...fault, detail: fault.detail.slice(0, 1000) },
    });
    return this.#publisher.publish("state", text);
  }

  #publishMetrics(metrics: RobotMetrics): Promise<boolean> {
    const stamp = this.#publisher.stamp(this.#metricsAtMs);
    return this.#publisher.publish("metrics", encodeBody("metrics", { ...stamp, ...metrics }));
  }

  async #publishEvent(event: QueuedEvent): Promise<void> {
    if (await this.#publisher.publish("event", event.text)) this.#events.acknowledge(event);
  }
}

function checkOptions({ robotId, birth, stateHz }: RobotTelemetryOptions): void {
  checkRobotId(robotId);
  if (stateHz !== undefined && !(stateHz >= 1 && stateHz <= 50)) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "stateHz is out of range",
      observed: String(stateHz),
      expected: "1 to 50 Hz",
    });
  }
  const stamp = { sessionId: "", birthSequence: 1, utcMs: 0, monotonicMs: 0 };
  const text = encodeBody("birth", { ...stamp, ...birth });
  const parsed = parseFleetMessage(robotTopic(robotId, "birth"), Buffer.from(text));
  if (parsed.kind !== "malformed") return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "the birth information cannot be sent",
    observed: parsed.detail,
    expected: `FLEET.md, section 3, and at most ${maxPayloadBytes} bytes`,
  });
}

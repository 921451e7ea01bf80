import type { Clock } from "../../../sdk/src/clock.ts";
import type { Fault } from "../../../sdk/src/faults.ts";
import type { LoopState } from "../../../sdk/src/loop-state.ts";
import { MonotonicClock } from "../../../sdk/src/runtime/node/monotonic-clock.ts";
import type { TelemetrySink } from "../../../sdk/src/telemetry.ts";
import { type BoardReading, readBoard } from "./board-reading.ts";
import type { SetRateArguments } from "./command.ts";
import { type CommandCounters, CommandReceiver } from "./command-receiver.ts";
import {
  encodeBody,
  type EventFields,
  type MetricsBody,
  type RobotMetrics,
  type RobotVitals,
  type StateBody,
} from "./messages.ts";
import { RecordSender } from "./record-sender.ts";
import type { BundleReport } from "./rollout/bundle-report.ts";
import { RobotPublisher } from "./robot-publisher.ts";
import { DiskOutbox } from "./store/disk-outbox.ts";
import { MemoryOutbox } from "./store/memory-outbox.ts";
import type { Outbox } from "./store/outbox.ts";
import {
  checkOptions,
  type RobotCommandOptions,
  type RobotTelemetryOptions,
  type TelemetryCounters,
} from "./robot-telemetry-options.ts";

const heartbeatPeriodMs = 1000;
const stateRepeatMs = 1000;
/** While the broker is gone, an unchanged state is kept once in this time. */
const stateHistoryMs = 1000;
const flushPeriodMs = 200;

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
  readonly #records: RecordSender;
  readonly #commands: CommandReceiver | undefined;
  readonly #readBoard: () => BoardReading;
  #pumpPeriodMs: number;
  #metricsPeriodMs: number;
  readonly #counters: TelemetryCounters = {
    heartbeatsDropped: 0,
    statesDropped: 0,
    metricsDropped: 0,
    eventsDropped: 0,
  };
  #cancelPump: () => void = () => {};
  #isClosed = false;
  #bundle: BundleReport | undefined;

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
  #stateKept = {
    atMs: Number.NEGATIVE_INFINITY,
    loopState: "",
    fault: undefined as Fault | undefined,
  };
  #flushDueMs = 0;
  #isFlushing = false;

  private constructor(options: RobotTelemetryOptions, outbox: Outbox) {
    this.#clock = options.clock ?? new MonotonicClock();
    this.#readBoard = options.board ?? readBoard;
    this.#pumpPeriodMs = 1000 / (options.stateHz ?? 10);
    this.#metricsPeriodMs = options.metricsPeriodMs ?? 1000;
    this.#jointPosition = new Float64Array(options.birth.joints.length);
    this.#commands = options.commands && this.#receiver(options.robotId, options.commands);
    this.#publisher = new RobotPublisher({
      brokerUrl: options.brokerUrl,
      credentials: options.credentials ?? {},
      robotId: options.robotId,
      birth: options.birth,
      clock: this.#clock,
      utcNowMs: options.utcNowMs ?? Date.now,
      connectTimeoutMs: options.connectTimeoutMs ?? 3000,
      mayStartOffline: options.store !== undefined,
      commands: this.#commands,
      announced: () => {
        this.#startOver();
      },
      lost: () => {
        this.#records.connectionLost();
      },
    });
    this.#records = new RecordSender(outbox, this.#publisher, () => this.#clock.nowMs());
  }

  /**
   * Connects and announces the robot. Later losses of the broker are dealt with silently and counted.
   *
   * @throws {OmpError} LINK_OPEN_FAILED when the broker cannot be reached now and there is no store, INVALID_STATE when the store
   *   cannot be used, INVALID_ARGUMENT
   */
  static async connect(options: RobotTelemetryOptions): Promise<RobotTelemetry> {
    checkOptions(options);
    const { store } = options;
    const outbox = store === undefined ? new MemoryOutbox() : await DiskOutbox.open(store);
    const telemetry = new RobotTelemetry(options, outbox);
    await telemetry.#publisher.open();
    telemetry.#pump();
    return telemetry;
  }

  get isConnected(): boolean {
    return this.#publisher.isConnected;
  }

  get counters(): Readonly<TelemetryCounters> {
    return { ...this.#counters, eventsDropped: this.#records.dropped };
  }

  /** All 0 for a robot that takes no commands. */
  get commandCounters(): Readonly<CommandCounters> {
    return this.#commands?.counters ?? { executed: 0, refused: 0, unreported: 0 };
  }

  /** Messages the broker acknowledged. */
  get acknowledged(): number {
    return this.#publisher.acknowledged;
  }

  /** Connections after the first one. */
  get reconnects(): number {
    return this.#publisher.reconnects;
  }

  /** Events, results and history that wait for the broker's acknowledgement; at most 64 without a store. */
  get pendingRecords(): number {
    return this.#records.waiting;
  }

  /** What `metrics` sent last, with what the telemetry and the computer add; undefined before the first. */
  get newestMetrics(): (RobotMetrics & RobotVitals) | undefined {
    return this.#metrics && { ...this.#metrics, ...this.#vitals() };
  }

  /** Resolves when every event so far is on the disk; at once without a store. */
  flush(): Promise<void> {
    return this.#records.flush();
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

  /** The newest figures; sent once in `metricsPeriodMs`. Copied, so it allocates: call it about as often. */
  metrics(metrics: RobotMetrics): void {
    this.#metrics = { ...metrics };
    this.#metricsAtMs = this.#clock.nowMs();
  }

  /**
   * Something that happened once. Kept until the broker acknowledged it, on the disk where there is a store; of more than 64
   * events that wait in memory the oldest is dropped.
   *
   * @param name at most 64 characters, the rest is cut
   * @param fields at most 32, the rest is left out
   */
  event(name: string, fields: EventFields): void {
    if (this.#isClosed) return;
    this.#records.event(this.#publisher.stamp(this.#clock.nowMs()), name, fields);
  }

  /** Which bundle the robot runs and how its update goes. Told at once and again at every birth; the newest one counts. */
  bundle(report: BundleReport): void {
    this.#bundle = report;
    this.#publishBundle();
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
    await this.#records.close().catch(() => {});
  }

  /** A watcher forgets at a birth: everything known is due at once. */
  #startOver(): void {
    const nowMs = this.#clock.nowMs();
    this.#heartbeats = 0;
    this.#heartbeatDueMs = nowMs;
    this.#stateDueMs = nowMs;
    this.#metricsDueMs = nowMs;
    this.#publishBundle();
  }

  #pump(): void {
    if (this.#isClosed) return;
    const nowMs = this.#clock.nowMs();
    this.#pumpHeartbeat(nowMs);
    this.#pumpState(nowMs);
    this.#pumpMetrics(nowMs);
    this.#records.pump();
    this.#pumpFlush(nowMs);
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
      dropped: Object.values(this.counters).reduce((sum, count) => sum + count, 0),
    });
    void this.#publisher.publish("heartbeat", text);
  }

  /** A state that stays as it is goes out again, for watchers that came later. */
  #pumpState(nowMs: number): void {
    if (Number.isNaN(this.#stateAtMs)) return;
    if (!this.#hasNewState && nowMs < this.#stateDueMs) return;
    this.#stateDueMs = nowMs + stateRepeatMs;
    const body = this.#stateBody();
    if (this.#publisher.isFree("state")) void this.#publishState(body);
    else {
      this.#counters.statesDropped += 1;
      this.#keepState(body);
    }
  }

  #pumpMetrics(nowMs: number): void {
    if (this.#metrics === undefined || nowMs < this.#metricsDueMs) return;
    this.#metricsDueMs = nowMs + this.#metricsPeriodMs;
    const body = this.#metricsBody(this.#metrics);
    if (this.#publisher.isFree("metrics")) void this.#publishMetrics(body);
    else {
      this.#counters.metricsDropped += 1;
      this.#keepMetrics(body);
    }
  }

  #pumpFlush(nowMs: number): void {
    if (nowMs < this.#flushDueMs || this.#isFlushing) return;
    this.#flushDueMs = nowMs + flushPeriodMs;
    this.#isFlushing = true;
    // A full disk is tried again; what is waiting is bounded by the store.
    void this.#records
      .flush()
      .catch(() => {})
      .finally(() => {
        this.#isFlushing = false;
      });
  }

  #keepState(body: StateBody): void {
    const { atMs, loopState, fault } = this.#stateKept;
    const isChange = loopState !== this.#loopState || fault !== this.#fault;
    if (!isChange && body.monotonicMs - atMs < stateHistoryMs) return;
    this.#stateKept = { atMs: body.monotonicMs, loopState: this.#loopState, fault: this.#fault };
    this.#records.history(this.#publisher.stamp(this.#clock.nowMs()), body, null);
  }

  #keepMetrics(body: MetricsBody): void {
    this.#records.history(this.#publisher.stamp(this.#clock.nowMs()), null, body);
  }

  async #farewell(): Promise<void> {
    if (!this.isConnected) return;
    await Promise.all([
      this.#records.pumpAll(),
      this.#hasNewState && this.#publishState(this.#stateBody()),
      this.#metrics && this.#publishMetrics(this.#metricsBody(this.#metrics)),
      this.#publisher.goodbye(),
    ]);
  }

  #timeout(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#cancelPump = this.#clock.callAt(this.#clock.nowMs() + timeoutMs, resolve);
    });
  }

  #stateBody(): StateBody {
    this.#hasNewState = false;
    const fault = this.#fault;
    return {
      ...this.#publisher.stamp(this.#stateAtMs),
      loopState: this.#loopState,
      jointPosition: Array.from(this.#jointPosition, (one) => Math.round(one * 1e6) / 1e6),
      fault: fault === undefined ? null : { ...fault, detail: fault.detail.slice(0, 1000) },
    };
  }

  #metricsBody(metrics: RobotMetrics): MetricsBody {
    const stamp = this.#publisher.stamp(this.#metricsAtMs);
    return { ...stamp, ...metrics, ...this.#vitals() };
  }

  #vitals(): RobotVitals {
    const { executed, refused } = this.commandCounters;
    return {
      commandsExecuted: executed,
      commandsRefused: refused,
      recordsDropped: this.#records.dropped,
      recordsWaiting: this.#records.waiting,
      storedBytes: this.#records.storedBytes,
      reconnects: this.reconnects,
      ...this.#readBoard(),
    };
  }

  #publishBundle(): void {
    if (this.#bundle === undefined) return;
    const body = { ...this.#publisher.stamp(this.#clock.nowMs()), ...this.#bundle };
    void this.#publisher.publish("bundle", encodeBody("bundle", body));
  }

  async #publishState(body: StateBody): Promise<void> {
    const isAcknowledged = await this.#publisher.publish("state", encodeBody("state", body));
    if (!isAcknowledged) this.#keepState(body);
  }

  async #publishMetrics(body: MetricsBody): Promise<void> {
    const isAcknowledged = await this.#publisher.publish("metrics", encodeBody("metrics", body));
    if (!isAcknowledged) this.#keepMetrics(body);
  }

  #receiver(robotId: string, { handlers, issuerKeys }: RobotCommandOptions): CommandReceiver {
    const stamp = () => this.#publisher.stamp(this.#clock.nowMs());
    return new CommandReceiver({
      robotId,
      handlers: {
        ...handlers,
        setRate: (rate) => {
          this.#setRate(rate);
        },
      },
      ...(issuerKeys && { issuerKeys }),
      clock: this.#clock,
      report: (result) => {
        this.#records.result(stamp(), result);
        this.#records.pump();
      },
      refusedUnread: (reason, detail) => {
        this.#records.event(stamp(), "command_refused", { reason, detail });
      },
    });
  }

  #setRate({ stateHz, metricsPeriodMs }: SetRateArguments): void {
    this.#pumpPeriodMs = 1000 / stateHz;
    this.#metricsPeriodMs = metricsPeriodMs;
    this.#metricsDueMs = Math.min(this.#metricsDueMs, this.#clock.nowMs() + metricsPeriodMs);
  }
}

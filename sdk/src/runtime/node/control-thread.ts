import { setTimeout as sleep } from "node:timers/promises";
import { type TransferListItem, Worker } from "node:worker_threads";

import { ErrorCode, OmpError } from "../../errors.ts";
import { type Fault, FaultReason } from "../../faults.ts";
import { Listeners } from "../../internal/listeners.ts";
import type { LoopEvents, LoopState } from "../../loop-state.ts";
import type { TelemetrySink } from "../../telemetry.ts";
import {
  type ControlCall,
  type ControlReply,
  type ControlRequest,
  type ControlThreadStart,
  elapsedMs,
  loopStates,
  Word,
} from "./control-messages.ts";
import { createFiguresMemory, type LoopFigures, LoopFiguresReader } from "./loop-figures.ts";
import { MonotonicClock } from "./monotonic-clock.ts";
import { fromSentError } from "./sent-error.ts";
import type { ThreadPriority } from "./thread-priority.ts";

export interface ControlThreadOptions {
  /** Given to the module's `createLoopParts`, as a structured clone. */
  readonly data?: unknown;
  /** What of `data` moves instead of being cloned. */
  readonly transfer?: readonly TransferListItem[];
  /** SCHED_FIFO priority to ask for, 1 to 95, default 80; 0 asks for nothing. What was given is `ControlThread.priority`. */
  readonly priority?: number;
  /** The arm brakes, holds and faults when the main thread has not run for this long, 200 to 60000 ms, default 2000. */
  readonly mainTimeoutMs?: number;
  /** Receives the loop's telemetry on this thread, unless the module brings a sink of its own. */
  readonly telemetry?: TelemetrySink;
}

export interface ControlThreadEvents extends Pick<LoopEvents, "stateChanged" | "faulted"> {
  /** The control thread has not run for so long: the controller has stopped the arm by its lease. Told once a silence. */
  silent(silentMs: number): void;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: OmpError) => void;
}

const ALIVE_PERIOD_MS = 100;
/** Ten leases of the default length. */
const CONTROL_TIMEOUT_MS = 1000;
/** A process that exits waits this long for the arm to be stopped; then the controller's lease has to. */
const EXIT_TIMEOUT_MS = 1000;
/** A thread that has not closed by then hangs, and is ended as it is. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * A `ControlLoop` on a thread of its own, with its link and its sensors, and this thread's handle to it. Nothing that blocks this
 * thread moves a tick: not a garbage collection, not a loop that computes, not a log that blocks.
 *
 * - A main thread that has not run for `mainTimeoutMs` is dead: the loop faults, the controller brakes and holds.
 * - A process that exits, also by an exception nobody caught, stops the arm first.
 * - A control thread that ends or hangs stops renewing the lease, by which the controller brakes and holds; here it is a fault, or
 *   `silent`.
 *
 * It keeps the process alive until it is closed.
 */
export class ControlThread {
  readonly #worker: Worker;
  readonly #words: Int32Array;
  readonly #clock = new MonotonicClock();
  readonly #events = new Listeners<ControlThreadEvents>();
  readonly #telemetry: TelemetrySink | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #beat: NodeJS.Timeout;
  readonly #exited: Promise<void>;
  #opening: Waiting | undefined;
  #priority: ThreadPriority = { kind: "plain", priority: 0, detail: "" };
  #figures: LoopFiguresReader = new LoopFiguresReader(createFiguresMemory(0), 0);
  #fault: Fault | undefined;
  #failure: OmpError | undefined;
  /** The last state listeners were told. */
  #toldState: LoopState = "idle";
  #isLost = false;
  #isSilent = false;
  #nextId = 1;

  private constructor(module: URL, options: ControlThreadOptions) {
    this.#telemetry = options.telemetry;
    this.#words = new Int32Array(new SharedArrayBuffer(Word.Count * Int32Array.BYTES_PER_ELEMENT));
    this.#showAlive();
    const start: ControlThreadStart = {
      module: module.href,
      data: options.data,
      words: this.#words,
      priority: inRange("priority", options.priority ?? 80, 0, 95),
      mainTimeoutMs: inRange("mainTimeoutMs", options.mainTimeoutMs ?? 2000, 200, 60_000),
      wantsTelemetry: options.telemetry !== undefined,
    };
    // Without the flags of the main thread: some, like --input-type, do not fit a worker.
    this.#worker = new Worker(new URL(import.meta.resolve("#control-worker")), {
      execArgv: [],
      workerData: start,
      transferList: [...(options.transfer ?? [])],
    });
    this.#worker.on("message", (reply: ControlReply) => {
      this.#take(reply);
    });
    this.#worker.on("error", (error) => {
      this.#lose(error.message);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#lose("it ended");
        resolve();
      });
    });
    this.#beat = setInterval(() => {
      this.#showAlive();
      this.#watch();
    }, ALIVE_PERIOD_MS).unref();
  }

  /**
   * Starts the thread and has `module` make the loop's parts in it. The loop is idle.
   *
   * @param module exports `createLoopParts`, a `CreateLoopParts`
   * @throws {OmpError} INVALID_ARGUMENT for an option out of range or a module that is none; what `createLoopParts` throws
   */
  static async open(module: URL, options: ControlThreadOptions = {}): Promise<ControlThread> {
    const thread = new ControlThread(module, options);
    try {
      await new Promise((resolve, reject) => {
        thread.#opening = { resolve, reject };
      });
    } catch (error) {
      await thread.close();
      throw error;
    }
    process.on("exit", thread.#onExit);
    return thread;
  }

  /** How the thread is scheduled. */
  get priority(): ThreadPriority {
    return this.#priority;
  }

  /** The loop's state now; `stateChanged` comes when this thread gets to it. */
  get state(): LoopState {
    if (this.#isLost) return "faulted";
    return loopStates[Atomics.load(this.#words, Word.State)] ?? "idle";
  }

  /** The latched fault, while there is one. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** What the loop measured, at most 20 ms old while it ticks. One object, overwritten by the next call. */
  get figures(): LoopFigures {
    return this.#figures.read();
  }

  /** Returns a function that unsubscribes. */
  on<Name extends keyof ControlThreadEvents>(
    event: Name,
    listener: ControlThreadEvents[Name],
  ): () => void {
    return this.#events.on(event, listener);
  }

  /** As `ControlLoop.start`. */
  async start({ paused = false }: { readonly paused?: boolean } = {}): Promise<void> {
    await this.#call({ name: "start", paused });
  }

  /** As `ControlLoop.stop`. */
  async stop(): Promise<void> {
    await this.#call({ name: "stop" });
  }

  /** As `ControlLoop.rearm`. */
  async rearm(): Promise<void> {
    await this.#call({ name: "rearm" });
  }

  /** As `ControlLoop.pause`. */
  async pause(): Promise<void> {
    await this.#call({ name: "pause" });
  }

  /** As `ControlLoop.restartEpisode`. */
  async restartEpisode({ seed }: { readonly seed?: number } = {}): Promise<void> {
    await this.#call({ name: "restartEpisode", seed });
  }

  /** As `ControlLoop.moveTo`. */
  async moveTo(
    positions: ArrayLike<number>,
    { fraction }: { readonly fraction?: number } = {},
  ): Promise<void> {
    await this.#call({ name: "moveTo", positions: Array.from(positions), fraction });
  }

  /**
   * As `ControlLoop.emergencyStop`, within a tick, however many messages wait in front of it. Returns at once; `faulted` tells when it
   * is done.
   */
  emergencyStop(): void {
    Atomics.add(this.#words, Word.EmergencyStops, 1);
    this.#post({ kind: "look" });
  }

  /**
   * Asks the control module one of its `answers`.
   *
   * @throws {OmpError} INVALID_ARGUMENT for a question it does not know; what the answer throws
   */
  async ask(question: string, argument?: unknown): Promise<unknown> {
    return this.#call({ name: "ask", question, argument });
  }

  /** Stops the arm, waits for a running inference, closes link, policy and thread. Safe twice. */
  async close(): Promise<void> {
    // A thread that crashed ends by itself once no inference runs.
    const ended = this.#failure === undefined ? this.#call({ name: "close" }) : this.#exited;
    const overdue = new AbortController();
    const timeout = sleep(CLOSE_TIMEOUT_MS, undefined, { signal: overdue.signal });
    // What cannot be closed has been let go of as far as it could.
    await Promise.race([ended, timeout]).catch(() => undefined);
    overdue.abort();
    timeout.catch(() => undefined);
    this.#failure ??= threadLost("it was closed");
    process.off("exit", this.#onExit);
    clearInterval(this.#beat);
    await this.#worker.terminate();
  }

  async #call(call: ControlCall): Promise<unknown> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#showAlive();
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post({ kind: "call", id, call });
    });
  }

  #post(request: ControlRequest): void {
    this.#worker.postMessage(request);
  }

  #take(reply: ControlReply): void {
    // Of a thread that crashed only its end counts.
    if (this.#failure !== undefined) return;
    switch (reply.kind) {
      case "ready":
        this.#priority = reply.priority;
        this.#figures = new LoopFiguresReader(reply.figures, reply.jointCount);
        this.#opening?.resolve(undefined);
        break;
      case "failed":
        this.#opening?.reject(fromSentError(reply.error));
        this.#lose(reply.error.report.observed ?? reply.error.report.what);
        break;
      case "settled": {
        const waiting = this.#waiting.get(reply.id);
        this.#waiting.delete(reply.id);
        if (reply.error === undefined) waiting?.resolve(reply.value);
        else waiting?.reject(fromSentError(reply.error));
        break;
      }
      case "state":
        if (reply.previous === "faulted") this.#fault = undefined;
        this.#tellState(reply.state, reply.previous);
        break;
      case "fault":
        this.#tellFault(reply.fault);
        break;
      case "event":
        this.#telemetry?.event(reply.name, reply.fields);
    }
  }

  /** The thread is gone, or is on its way out after a crash. */
  #lose(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = threadLost(reason);
    this.#opening?.reject(this.#failure);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
    if (this.#toldState === "idle") return;
    this.#isLost = true;
    this.#tellState("faulted", this.#toldState);
    const detail = `the control thread was lost: ${reason}`;
    this.#tellFault({ reason: FaultReason.ThreadLost, detail, atMs: this.#clock.nowMs() });
  }

  #tellState(state: LoopState, previous: LoopState): void {
    this.#toldState = state;
    this.#events.emit("stateChanged", (listener) => {
      listener(state, previous);
    });
  }

  #tellFault(fault: Fault): void {
    this.#fault = fault;
    this.#events.emit("faulted", (listener) => {
      listener(fault);
    });
  }

  #showAlive(): void {
    Atomics.store(this.#words, Word.MainAliveAt, this.#clock.nowMs() | 0);
  }

  #watch(): void {
    const aliveAtMs = Atomics.load(this.#words, Word.ControlAliveAt);
    const silentMs = elapsedMs(aliveAtMs, this.#clock.nowMs() | 0);
    const isSilent = this.state !== "idle" && silentMs > CONTROL_TIMEOUT_MS;
    if (isSilent && !this.#isSilent) {
      this.#events.emit("silent", (listener) => {
        listener(silentMs);
      });
    }
    this.#isSilent = isSilent;
  }

  /** Blocks this thread, on which nothing else will run any more. */
  readonly #onExit = (): void => {
    if (this.#failure !== undefined) return;
    Atomics.store(this.#words, Word.IsExiting, 1);
    this.#post({ kind: "look" });
    Atomics.wait(this.#words, Word.IsDrained, 0, EXIT_TIMEOUT_MS);
  };
}

function threadLost(reason: string): OmpError {
  return new OmpError(ErrorCode.InvalidState, {
    what: "there is no control thread any more",
    observed: reason,
    next: "Open a new one.",
  });
}

function inRange(option: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: `${option} of a control thread is out of range`,
    observed: String(value),
    expected: `a whole number from ${min} to ${max}`,
  });
}

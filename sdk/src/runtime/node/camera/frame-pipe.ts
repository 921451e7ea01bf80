import { closeSync, constants, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import { ErrorCode, OmpError } from "../../../errors.ts";
import {
  createSharedFrames,
  overwrittenFrames,
  type SharedFrames,
} from "../../../shared-frames.ts";
import { makeFifo, type PrivateFifo, requireFifo, wakeReader } from "./fifo.ts";
import { FrameCommand } from "./frame-command.ts";
import {
  type FrameReaderOrder,
  type FrameReaderReport,
  PIPE_WORDS,
  PipeWord,
} from "./frame-pipe-messages.ts";
import { type FramePipeOptions, resolveFramePipeOptions } from "./frame-pipe-options.ts";

export interface FramePipeCounters {
  /** Frames published. */
  readonly frames: number;
  /** Frames dropped because they had waited, nobody knows how long: the first, one after a silence, one of a burst. */
  readonly framesQueued: number;
  /** Frames replaced by a newer one before the reader of `frames` took them. */
  readonly framesOverwritten: number;
  /** Frames that ended before their last byte. */
  readonly framesCut: number;
  readonly stalls: number;
  readonly restarts: number;
}

/** `waiting`: for the source to write, or for its restart. `ended`: it ended for good, or was stopped. */
export type FramePipeState = "idle" | "waiting" | "open" | "ended";

const WAKE_MS = 5;
const MAX_WAKE_MS = 100;

/**
 * Raw frames of a child process or a FIFO, read in a thread of their own into a triple buffer. A frame is stamped when its first byte
 * is read, minus the camera's latency. A source that ends, stalls or cuts a frame off publishes nothing: its samples grow stale.
 *
 * Stop it before its thread is terminated: a thread inside a read cannot be ended. A process that exits, and a `ControlThread`, do.
 */
export class FramePipe {
  /** For one `FrameReader`. */
  readonly frames: SharedFrames;
  readonly #options: ReturnType<typeof resolveFramePipeOptions>;
  readonly #words: Int32Array = new Int32Array(new SharedArrayBuffer(4 * PIPE_WORDS));
  #state: FramePipeState = "idle";
  #fifo: PrivateFifo | undefined;
  #reading: Worker | undefined;
  #command: FrameCommand | undefined;
  /** Both ends of the FIFO, until reader and command have theirs. */
  #bothEnds: number | undefined;
  #problem = "";
  #stalls = 0;
  #restarts = 0;
  #bytesBefore = 0;
  #stallWatch: NodeJS.Timeout | undefined;

  /**
   * @param frameBytes size of every frame; there is nothing between two frames
   * @throws {OmpError} INVALID_ARGUMENT naming the option
   */
  constructor(frameBytes: number, options: FramePipeOptions) {
    this.#options = resolveFramePipeOptions(options);
    this.frames = createSharedFrames(frameBytes);
  }

  get state(): FramePipeState {
    return this.#state;
  }

  /** Why the source last ended; of a command also the last it wrote to its standard error. */
  get problem(): string {
    return this.#problem;
  }

  get counters(): FramePipeCounters {
    return {
      frames: this.#count(PipeWord.Frames),
      framesQueued: this.#count(PipeWord.FramesQueued),
      framesOverwritten: overwrittenFrames(this.frames),
      framesCut: this.#count(PipeWord.FramesCut),
      stalls: this.#stalls,
      restarts: this.#restarts,
    };
  }

  /**
   * Starts the command, or listens to the FIFO. Once.
   *
   * @throws {OmpError} SENSOR_FAILED when there is no such command or FIFO, INVALID_STATE
   */
  async start(): Promise<void> {
    if (this.#state !== "idle") {
      throw new OmpError(ErrorCode.InvalidState, {
        what: "a frame pipe cannot start",
        observed: `it is ${this.#state}`,
        expected: "a new one",
      });
    }
    const { source, rateHz, latencyMs, stallMs } = this.#options;
    if ("fifo" in source) requireFifo(source.fifo);
    this.#fifo = "fifo" in source ? { path: source.fifo, remove: () => undefined } : makeFifo();
    this.#state = "waiting";
    const order: FrameReaderOrder = {
      frames: this.frames,
      words: this.#words,
      fifo: this.#fifo.path,
      periodMs: 1000 / rateHz,
      latencyMs,
    };
    const entry = new URL(import.meta.resolve("#frame-reader-worker"));
    const worker = new Worker(entry, { workerData: order, execArgv: [] });
    this.#reading = worker;
    worker.once("exit", () => {
      this.#reading = undefined;
    });
    worker.on("message", (report: FrameReaderReport) => {
      if (report.kind === "opened") this.#onOpened();
      else this.#onEnded(report.problem, this.#restarts < this.#options.maxRestarts);
    });
    worker.on("error", (error) => {
      this.#onEnded(String(error), false);
    });
    this.#stallWatch = setInterval(() => {
      this.#lookForStall();
    }, stallMs);
    process.once("exit", this.#onProcessExit);
    try {
      this.#open();
      await this.#command?.started();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends the source and the reading thread; no frame is published after it resolves. Safe twice. */
  async stop(): Promise<void> {
    this.#state = "ended";
    clearInterval(this.#stallWatch);
    process.removeListener("exit", this.#onProcessExit);
    this.#tellReaderToStop();
    await this.#wakeUntilReadingEnds();
    this.#closeBothEnds();
    await this.#command?.end();
    this.#fifo?.remove();
  }

  #count(word: number): number {
    return Atomics.load(this.#words, word) >>> 0;
  }

  /** Lets the reader open the FIFO, and a new child the other end. */
  #open(): void {
    const { source } = this.#options;
    this.#bytesBefore = this.#count(PipeWord.Bytes);
    if ("command" in source) {
      const path = this.#fifo?.path ?? "";
      // While both ends are open neither opening blocks, and the reader sees no end before the child has begun.
      this.#bothEnds = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      const output = openSync(path, constants.O_WRONLY);
      this.#command = new FrameCommand(source.command, output);
      closeSync(output);
    }
    Atomics.add(this.#words, PipeWord.Opening, 1);
    Atomics.notify(this.#words, PipeWord.Opening);
  }

  #onOpened(): void {
    this.#closeBothEnds();
    if (this.#state === "waiting") this.#state = "open";
  }

  #onEnded(problem: string, canRestart: boolean): void {
    this.#closeBothEnds();
    if (this.#state === "ended") return;
    this.#state = canRestart ? "waiting" : "ended";
    this.#problem = problem === "" ? "nobody writes to the FIFO any more" : problem;
    void this.#goOn(problem === "", canRestart);
  }

  /** Never rejects. */
  async #goOn(isCommandToBlame: boolean, canRestart: boolean): Promise<void> {
    const command = this.#command;
    // The output closes a moment before it is known how the command ended.
    await command?.end();
    if (isCommandToBlame && command !== undefined) this.#problem = command.problem;
    if (!canRestart) return;
    await sleep(this.#options.restartDelayMs, undefined, { ref: false });
    if (this.#state !== "waiting") return;
    this.#restarts += 1;
    try {
      this.#open();
    } catch (error) {
      this.#onEnded(String(error), false);
    }
  }

  /** A command that has stalled is killed, which ends it. Who writes to a FIFO is not ours to kill. */
  #lookForStall(): void {
    const bytes = this.#count(PipeWord.Bytes);
    const isStalled = this.#state === "open" && bytes === this.#bytesBefore;
    this.#bytesBefore = bytes;
    if (!isStalled) return;
    this.#stalls += 1;
    this.#command?.kill();
  }

  #closeBothEnds(): void {
    if (this.#bothEnds !== undefined) closeSync(this.#bothEnds);
    this.#bothEnds = undefined;
  }

  #tellReaderToStop(): void {
    Atomics.store(this.#words, PipeWord.Stopped, 1);
    Atomics.add(this.#words, PipeWord.Opening, 1);
    Atomics.notify(this.#words, PipeWord.Opening);
  }

  async #wakeUntilReadingEnds(): Promise<void> {
    for (let waitMs = WAKE_MS; ; waitMs = Math.min(2 * waitMs, MAX_WAKE_MS)) {
      if (this.#reading === undefined) return;
      if (this.#fifo !== undefined) wakeReader(this.#fifo.path);
      await sleep(waitMs);
    }
  }

  /** A process does not end while a thread of it is inside a read. */
  readonly #onProcessExit = (): void => {
    this.#tellReaderToStop();
    this.#command?.kill();
    if (this.#fifo === undefined) return;
    wakeReader(this.#fifo.path);
    this.#fifo.remove();
  };
}

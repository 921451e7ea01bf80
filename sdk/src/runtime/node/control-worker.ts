/** Entry of a control thread: a whole `ControlLoop`, told by messages and by shared words what to do. See `control-thread.ts`. */
import { parentPort, workerData } from "node:worker_threads";

import { ControlLoop } from "../../control-loop.ts";
import { ErrorCode, OmpError } from "../../errors.ts";
import { FaultReason } from "../../faults.ts";
import type { Pacer } from "../../pacer.ts";
import {
  type ControlCall,
  type ControlReply,
  type ControlRequest,
  type ControlThreadStart,
  elapsedMs,
  loopStates,
  Word,
} from "./control-messages.ts";
import type { ControlThreadParts } from "./control-module.ts";
import { createFiguresMemory, LoopFiguresWriter } from "./loop-figures.ts";
import { MonotonicClock } from "./monotonic-clock.ts";
import { toSentError } from "./sent-error.ts";
import { ThreadPacer } from "./thread-pacer.ts";
import { raiseThreadPriority } from "./thread-priority.ts";

const FIGURES_PERIOD_MS = 20;

const start: ControlThreadStart = workerData;
const { words } = start;
const clock = new MonotonicClock();

function post(reply: ControlReply): void {
  parentPort?.postMessage(reply);
}

class ControlWorker {
  readonly #parts: ControlThreadParts;
  readonly #loop: ControlLoop;
  readonly #figures: LoopFiguresWriter;
  readonly #ticksPerFigures: number;
  #ticksToFigures = 0;
  #emergencyStops = 0;
  #ending: Promise<void> | undefined;

  constructor(parts: ControlThreadParts) {
    const telemetry = {
      event: (name: string, fields: Readonly<Record<string, string | number | boolean>>): void => {
        post({ kind: "event", name, fields });
      },
    };
    const jointCount = parts.policy.manifest.action.joints.length;
    const figures = createFiguresMemory(jointCount);
    this.#parts = parts;
    this.#loop = new ControlLoop({
      ...(start.wantsTelemetry && { telemetry }),
      ...parts,
      pacer: this.#supervised(parts.pacer ?? new ThreadPacer(parts.clock)),
    });
    this.#figures = new LoopFiguresWriter(figures, this.#loop, parts.link, jointCount);
    this.#ticksPerFigures = Math.ceil((this.#loop.options.tickHz * FIGURES_PERIOD_MS) / 1000);
    this.#loop.on("stateChanged", (state, previous) => {
      Atomics.store(words, Word.ControlAliveAt, clock.nowMs() | 0);
      Atomics.store(words, Word.State, loopStates.indexOf(state));
      this.#figures.publish();
      post({ kind: "state", state, previous });
    });
    this.#loop.on("faulted", (fault) => {
      post({ kind: "fault", fault });
    });
    parts.attach?.(this.#loop);
    // Last: what the parts started before goes on at its own priority.
    const priority = raiseThreadPriority(start.priority);
    post({ kind: "ready", priority, jointCount, figures });
  }

  async take(request: ControlRequest): Promise<void> {
    // Messages may have piled up in front of this one.
    this.look();
    if (request.kind === "look") return;
    const { id, call } = request;
    try {
      post({ kind: "settled", id, value: await this.#perform(call) });
    } catch (error) {
      post({ kind: "settled", id, error: toSentError(error, ErrorCode.Internal, call.name) });
    }
  }

  /** Does what the shared words ask for. */
  look(): void {
    const emergencyStops = Atomics.load(words, Word.EmergencyStops);
    if (emergencyStops !== this.#emergencyStops) {
      this.#emergencyStops = emergencyStops;
      this.#loop.emergencyStop();
    }
    if (Atomics.load(words, Word.IsExiting) !== 0) void this.end();
  }

  /** An exception nobody caught: nothing of this thread is to be trusted but the stop. */
  crash(error: unknown): void {
    post({ kind: "failed", error: toSentError(error, ErrorCode.Internal, "it crashed") });
    this.#loop.emergencyStop();
    void this.#leave();
  }

  /** Stops the arm and waits for a running inference: it must not be cut off. Once. */
  async end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #leave(): Promise<never> {
    await this.end().catch(() => undefined);
    return process.exit(1);
  }

  async #end(): Promise<void> {
    const { link, policy, close } = this.#parts;
    const steps = [
      async () => this.#loop.stop(),
      async () => link.close(),
      async () => policy.close(),
      async () => close?.(),
    ];
    const failures: unknown[] = [];
    for (const step of steps) await step().catch((error: unknown) => failures.push(error));
    Atomics.store(words, Word.IsDrained, 1);
    Atomics.notify(words, Word.IsDrained);
    if (failures.length > 0) throw failures[0];
  }

  #supervised(pacer: Pacer): Pacer {
    return {
      latenessMs: pacer.latenessMs,
      start: (periodMs, tick) => {
        pacer.start(periodMs, (skipped) => {
          this.#superviseMain();
          tick(skipped);
          this.#ticksToFigures -= 1;
          if (this.#ticksToFigures > 0) return;
          this.#ticksToFigures = this.#ticksPerFigures;
          this.#figures.publish();
        });
      },
      stop: () => {
        pacer.stop();
      },
    };
  }

  #superviseMain(): void {
    this.look();
    const nowMs = clock.nowMs() | 0;
    Atomics.store(words, Word.ControlAliveAt, nowMs);
    const silentMs = elapsedMs(Atomics.load(words, Word.MainAliveAt), nowMs);
    if (silentMs <= start.mainTimeoutMs || this.#loop.state === "faulted") return;
    this.#loop.latch(FaultReason.ThreadLost, `the main thread has not run for ${silentMs} ms`);
  }

  async #perform(call: ControlCall): Promise<unknown> {
    const loop = this.#loop;
    switch (call.name) {
      case "start":
        return loop.start({ paused: call.paused });
      case "stop":
        return loop.stop();
      case "rearm":
        return loop.rearm();
      case "pause":
        return loop.pause();
      case "restartEpisode":
        return loop.restartEpisode(call.seed === undefined ? {} : { seed: call.seed });
      case "moveTo":
        return loop.moveTo(
          call.positions,
          call.fraction === undefined ? {} : { fraction: call.fraction },
        );
      case "close":
        return this.end();
      case "ask":
      default:
        return this.#answer(call.question, call.argument);
    }
  }

  #answer(question: string, argument: unknown): unknown {
    const { answers = {} } = this.#parts;
    const answer = Object.hasOwn(answers, question) ? answers[question] : undefined;
    if (answer !== undefined) return answer(argument);
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "the control module cannot answer this",
      observed: question,
      expected: Object.keys(answers).join(", "),
    });
  }
}

async function createParts(): Promise<ControlThreadParts> {
  const module: object = await import(start.module);
  const create: unknown = Reflect.get(module, "createLoopParts");
  if (typeof create === "function") return create(start.data);
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: `${start.module} is no control module`,
    observed: Object.keys(module).join(", "),
    expected: "an exported function createLoopParts",
  });
}

try {
  const worker = new ControlWorker(await createParts());
  process.on("uncaughtException", (error) => {
    worker.crash(error);
  });
  parentPort?.on("message", (request: ControlRequest) => {
    void worker.take(request);
  });
} catch (error) {
  const what = "the control module could not make a loop";
  post({ kind: "failed", error: toSentError(error, ErrorCode.InvalidArgument, what) });
  process.exit(1);
}

import type { ActionGuard } from "../../action-guard.ts";
import { type ActuatorLink, createLinkCounters, type LinkCounters } from "../../actuator-link.ts";
import type { SchedulerCounters } from "../../chunk-scheduler.ts";
import type { ControlLoop } from "../../control-loop.ts";
import {
  createTripleBufferMemory,
  type TripleBufferMemory,
  TripleBufferReader,
  TripleBufferWriter,
} from "../../internal/triple-buffer.ts";
import type { LoopStages } from "../../loop-stages.ts";
import { createLoopCounters, type LoopCounters } from "../../loop-state.ts";
import { LatencyHistogram } from "../../telemetry.ts";
import { createJointState, type JointState } from "../../types.ts";

/** What a loop measures, as another thread sees it. */
export interface LoopFigures {
  readonly counters: Readonly<LoopCounters>;
  readonly linkCounters: Readonly<LinkCounters>;
  readonly schedulerCounters: Readonly<SchedulerCounters>;
  /** Waypoints the guard clamped to a limit, all kinds and joints together. */
  readonly clamps: number;
  readonly tickLatenessMs: LatencyHistogram;
  /** From the start of an inference to its chunk. */
  readonly inferenceMs: LatencyHistogram;
  /** Measured at minus infinity before the first one. */
  readonly joints: Readonly<JointState>;
}

const loopCounterNames = [
  "ticks",
  "ticksSkipped",
  "inferences",
  "chunksDiscarded",
  "trajectoriesSent",
  "trajectoriesDropped",
  "trajectoriesLate",
  "starvations",
  "staleHolds",
  "spreadHolds",
  "limitHolds",
  "chunksOutside",
  "faults",
] as const satisfies readonly (keyof LoopCounters)[];
const linkCounterNames = [
  "framesSent",
  "framesReceived",
  "framesAcked",
  "framesRejected",
  "trajectoriesAccepted",
  "trajectoriesRejected",
  "framesDropped",
  "crcErrors",
  "framesMalformed",
  "reconnects",
] as const satisfies readonly (keyof LinkCounters)[];
const schedulerCounterNames = [
  "chunksScheduled",
  "chunksLate",
  "rowsSkipped",
  "instantsMissed",
] as const satisfies readonly (keyof SchedulerCounters)[];

/** Offsets in a block: counters of loop, link and scheduler, clamps, two histograms, a joint state. */
const LINK = loopCounterNames.length;
const SCHEDULER = LINK + linkCounterNames.length;
const CLAMPS = SCHEDULER + schedulerCounterNames.length;
const LATENESS = CLAMPS + 1;
const INFERENCE = LATENESS + LatencyHistogram.memoryLength;
const JOINTS = INFERENCE + LatencyHistogram.memoryLength;

export function createFiguresMemory(jointCount: number): TripleBufferMemory {
  return createTripleBufferMemory(JOINTS + 1 + 4 * jointCount);
}

type MeasuredLoop = Pick<ControlLoop, "counters" | "stages" | "tickLatenessMs">;
type MeasuredLink = Pick<ActuatorLink, "counters" | "readJointState">;

/** On the loop's thread. Allocates nothing a call. */
export class LoopFiguresWriter {
  readonly #buffer: TripleBufferWriter;
  readonly #loop: MeasuredLoop;
  readonly #link: MeasuredLink;
  readonly #joints: JointState;
  #clamps: readonly Float64Array[] = [];
  #guard: ActionGuard | undefined;

  constructor(
    memory: TripleBufferMemory,
    loop: MeasuredLoop,
    link: MeasuredLink,
    jointCount: number,
  ) {
    this.#buffer = new TripleBufferWriter(memory);
    this.#loop = loop;
    this.#link = link;
    this.#joints = createJointState(jointCount);
  }

  publish(): void {
    const { counters, stages, tickLatenessMs } = this.#loop;
    const linkCounters = this.#link.counters;
    const { block } = this.#buffer;
    for (let i = 0; i < loopCounterNames.length; i += 1) {
      block[i] = counters[loopCounterNames[i] ?? "ticks"];
    }
    for (let i = 0; i < linkCounterNames.length; i += 1) {
      block[LINK + i] = linkCounters[linkCounterNames[i] ?? "framesSent"];
    }
    if (stages !== undefined) this.#fillStages(block, stages);
    block.set(tickLatenessMs.memory, LATENESS);
    const { position, command, velocity, effort } = this.#joints;
    const { length } = position;
    this.#link.readJointState(this.#joints);
    block[JOINTS] = this.#joints.measuredAtMs;
    block.set(position, JOINTS + 1);
    block.set(command, JOINTS + 1 + length);
    block.set(velocity, JOINTS + 1 + 2 * length);
    block.set(effort, JOINTS + 1 + 3 * length);
    this.#buffer.publish();
  }

  #fillStages(block: Float64Array, { scheduler, guard, runner }: LoopStages): void {
    for (let i = 0; i < schedulerCounterNames.length; i += 1) {
      block[SCHEDULER + i] = scheduler.counters[schedulerCounterNames[i] ?? "chunksLate"];
    }
    if (guard !== this.#guard) {
      this.#guard = guard;
      this.#clamps = Object.values(guard.clamps);
    }
    let clamps = 0;
    for (const counts of this.#clamps) {
      for (let j = 0; j < counts.length; j += 1) clamps += counts[j] ?? 0;
    }
    block[CLAMPS] = clamps;
    block.set(runner.inferenceMs.memory, INFERENCE);
  }
}

/** On another thread. The figures are overwritten by every `read`. */
export class LoopFiguresReader {
  readonly #buffer: TripleBufferReader;
  readonly #figures: {
    counters: LoopCounters;
    linkCounters: LinkCounters;
    schedulerCounters: SchedulerCounters;
    clamps: number;
    tickLatenessMs: LatencyHistogram;
    inferenceMs: LatencyHistogram;
    joints: JointState;
  };

  constructor(memory: TripleBufferMemory, jointCount: number) {
    this.#buffer = new TripleBufferReader(memory);
    this.#figures = {
      counters: createLoopCounters(),
      linkCounters: createLinkCounters(),
      schedulerCounters: { chunksScheduled: 0, chunksLate: 0, rowsSkipped: 0, instantsMissed: 0 },
      clamps: 0,
      tickLatenessMs: new LatencyHistogram(),
      inferenceMs: new LatencyHistogram(),
      joints: createJointState(jointCount),
    };
  }

  read(): LoopFigures {
    const figures = this.#figures;
    const block = this.#buffer.read();
    // Before the first block everything is as it was made.
    if (block[0] === 0 && block[JOINTS] === 0) return figures;
    for (const [i, name] of loopCounterNames.entries()) figures.counters[name] = block[i] ?? 0;
    for (const [i, name] of linkCounterNames.entries()) {
      figures.linkCounters[name] = block[LINK + i] ?? 0;
    }
    for (const [i, name] of schedulerCounterNames.entries()) {
      figures.schedulerCounters[name] = block[SCHEDULER + i] ?? 0;
    }
    figures.clamps = block[CLAMPS] ?? 0;
    figures.tickLatenessMs.memory.set(block.subarray(LATENESS, INFERENCE));
    figures.inferenceMs.memory.set(block.subarray(INFERENCE, JOINTS));
    const { joints } = figures;
    const { length } = joints.position;
    joints.measuredAtMs = block[JOINTS] ?? 0;
    for (const [index, values] of [
      joints.position,
      joints.command,
      joints.velocity,
      joints.effort,
    ].entries()) {
      const start = JOINTS + 1 + index * length;
      values.set(block.subarray(start, start + length));
    }
    return figures;
  }
}

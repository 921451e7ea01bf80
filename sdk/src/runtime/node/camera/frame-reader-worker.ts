/**
 * Worker that reads a FIFO by blocking reads, straight into the slots of a triple buffer.
 *
 * It has no event loop of its own while it works: it is told through `PipeWords`, and woken from a read by a byte.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

import { FrameWriter } from "../../../shared-frames.ts";
import { MonotonicClock } from "../monotonic-clock.ts";
import { type FrameReaderOrder, type FrameReaderReport, PipeWord } from "./frame-pipe-messages.ts";

/** In periods: a frame that comes sooner than this after the one before has waited in a queue, nobody knows how long. */
const SOONEST_PERIODS = 0.5;
/** In periods: after so long a silence the next frame may have waited too. */
const SILENCE_PERIODS = 4;

const { frames, words, fifo, periodMs, latencyMs }: FrameReaderOrder = workerData;
const writer = new FrameWriter(frames);
const clock = new MonotonicClock();

function report(message: FrameReaderReport): void {
  parentPort?.postMessage(message);
}

function isStopped(): boolean {
  return Atomics.load(words, PipeWord.Stopped) === 1;
}

/** Reads until nobody writes any more. */
function readFrames(descriptor: number): void {
  let firstByteMs = 0;
  let previousMs = Number.NEGATIVE_INFINITY;
  let filled = 0;
  for (;;) {
    const bytes = readSync(descriptor, writer.frame, filled, frames.size - filled, null);
    if (isStopped()) return;
    if (bytes === 0) {
      if (filled > 0) Atomics.add(words, PipeWord.FramesCut, 1);
      return;
    }
    if (filled === 0) firstByteMs = clock.nowMs();
    filled += bytes;
    Atomics.add(words, PipeWord.Bytes, bytes);
    if (filled < frames.size) continue;
    const sinceMs = firstByteMs - previousMs;
    previousMs = firstByteMs;
    filled = 0;
    if (sinceMs < SOONEST_PERIODS * periodMs || sinceMs > SILENCE_PERIODS * periodMs) {
      Atomics.add(words, PipeWord.FramesQueued, 1);
    } else {
      Atomics.add(words, PipeWord.Frames, 1);
      writer.publish(firstByteMs - latencyMs);
    }
  }
}

for (let opening = 0; !isStopped(); opening += 1) {
  Atomics.wait(words, PipeWord.Opening, opening);
  if (isStopped()) break;
  let problem = "";
  try {
    const descriptor = openSync(fifo, "r");
    report({ kind: "opened" });
    try {
      readFrames(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    problem = String(error);
  }
  report({ kind: "ended", problem });
}

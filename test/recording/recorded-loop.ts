import assert from "node:assert/strict";

import { JointStateSensor } from "omp-edge";
import { LoopRecorder } from "omp-edge/recording";

import { TinyLoop, tinyManifest } from "../pipeline/tiny-loop.ts";

const utcNowMs = (): number => Date.UTC(2026, 0, 2, 3, 4, 5);

/** A loop in virtual time and its recorder, whose clock began in 2026. */
export interface RecordedLoop {
  readonly tiny: TinyLoop;
  readonly recorder: LoopRecorder;
}

export async function recordedLoop(seconds: number = 60): Promise<RecordedLoop> {
  const made: { recorder?: LoopRecorder } = {};
  const tiny = await TinyLoop.create({
    sensors: (clock, link) => {
      made.recorder = new LoopRecorder({ manifest: tinyManifest, clock, seconds, utcNowMs });
      return [made.recorder.tap(new JointStateSensor(link, 2))];
    },
  });
  assert.ok(made.recorder !== undefined);
  made.recorder.attach(tiny.loop, tiny.link);
  return { tiny, recorder: made.recorder };
}

/** Lets virtual time pass until a promise that also waits for the disk is settled. */
export async function runUntil<T>(tiny: TinyLoop, promise: Promise<T>): Promise<T> {
  const pending = Symbol("pending");
  for (;;) {
    const outcome = await Promise.race([promise, tiny.run(10).then(() => pending)]);
    if (outcome !== pending) return promise;
  }
}

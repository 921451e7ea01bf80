/** Worker that makes samples of the newest frame, so that neither the reading of frames nor the loop waits for it. */
import { workerData } from "node:worker_threads";

import { createFrameConverter } from "../../../perception/frame-converter.ts";
import { FrameReader } from "../../../shared-frames.ts";
import { SampleWriter } from "../../../shared-samples.ts";
import { type SampleWorkerOrder, SampleWord } from "./frame-sample-messages.ts";

const WAIT_MS = 100;

function makeSamples({ frame, frames, samples, words }: SampleWorkerOrder): void {
  const converter = createFrameConverter(frame);
  const reader = new FrameReader(frames);
  const writer = new SampleWriter(samples);
  const values = new Float32Array(converter.size);
  while (Atomics.load(words, SampleWord.Stopped) === 0) {
    if (!reader.wait(WAIT_MS)) continue;
    if (converter.convert(reader.frame, values)) writer.push(values, reader.capturedAtMs);
    else Atomics.add(words, SampleWord.Empty, 1);
  }
}

makeSamples(workerData);

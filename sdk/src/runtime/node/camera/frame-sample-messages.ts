import type { FrameSpec } from "../../../perception/frame-converter.ts";
import type { SharedFrames } from "../../../shared-frames.ts";
import type { SharedSamples } from "../../../shared-samples.ts";

/** What a sample worker is started with. */
export interface SampleWorkerOrder {
  readonly frame: FrameSpec;
  readonly frames: SharedFrames;
  readonly samples: SharedSamples;
  readonly words: Int32Array;
}

/** Words shared with the owner. */
export const SampleWord = {
  /** 1 ends the worker. */
  Stopped: 0,
  /** Frames that held no sample. */
  Empty: 1,
} as const;

import type { SharedFrames } from "../../../shared-frames.ts";

/** Words that the reading thread and its owner share. */
export const PipeWord = {
  /** Counts up to let the reader open the FIFO once more; it waits for that. */
  Opening: 0,
  /** 1 ends the reader. */
  Stopped: 1,
  /** Bytes read, modulo 2^32: they move while somebody writes. */
  Bytes: 2,
  Frames: 3,
  FramesQueued: 4,
  FramesCut: 5,
} as const;
export const PIPE_WORDS = 6;

/** What a frame reader is started with. */
export interface FrameReaderOrder {
  readonly frames: SharedFrames;
  readonly words: Int32Array;
  readonly fifo: string;
  readonly periodMs: number;
  readonly latencyMs: number;
}

/** Reader to owner. */
export type FrameReaderReport =
  { readonly kind: "opened" } | { readonly kind: "ended"; readonly problem: string };

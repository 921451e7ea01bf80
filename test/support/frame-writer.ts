import { openSync, writeSync } from "node:fs";

import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";

/**
 * A camera: a program that writes raw frames of 16-bit numbers to its standard output, or to a file.
 *
 *     node frame-writer.js '{"pixels": …, "periodMs": …, "frames": …, "cutBytes": …, "end": …, "file": …}'
 *
 * Frame n holds n in every pixel but the first two, which are the time it was written: CLOCK_MONOTONIC ms, low and high half.
 */
export interface FrameWriterOrder {
  readonly pixels: number;
  readonly periodMs: number;
  readonly frames: number;
  /** After the last frame, so many bytes of another one. */
  readonly cutBytes?: number;
  /** After the last byte: leave with status 3, having said why, or stay and write nothing. */
  readonly end: "fail" | "stay";
  readonly file?: string;
}

const order: FrameWriterOrder = JSON.parse(process.argv[2] ?? "");
const output = order.file === undefined ? 1 : openSync(order.file, "w");
const clock = new MonotonicClock();
const frame = new Uint16Array(order.pixels);
const nobody = new Int32Array(new SharedArrayBuffer(4));

function writeFrame(number: number, bytes: number = frame.byteLength): void {
  const nowMs = Math.floor(clock.nowMs());
  frame.fill(number);
  frame[0] = nowMs % 65_536;
  frame[1] = Math.floor(nowMs / 65_536);
  for (let at = 0; at < bytes;)
    at += writeSync(output, new Uint8Array(frame.buffer), at, bytes - at);
}

for (let number = 1; number <= order.frames; number += 1) {
  writeFrame(number);
  Atomics.wait(nobody, 0, 0, order.periodMs);
}
if (order.cutBytes !== undefined) writeFrame(0, order.cutBytes);
if (order.end === "fail") {
  console.error("the cable was pulled");
  process.exitCode = 3;
} else {
  setInterval(() => undefined, 60_000);
}

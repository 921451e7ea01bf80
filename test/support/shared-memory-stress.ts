/**
 * A worker that writes a ring or frames as fast as it can, in bursts; started by a test of the other end.
 *
 * Sample n is n in every number and n / 8 as its time. Frame n is n in every word.
 */
import { parentPort, workerData } from "node:worker_threads";

import {
  FrameWriter,
  SampleWriter,
  type SharedFrames,
  type SharedSamples,
} from "../../sdk/src/index.ts";
import { createRandom } from "../../sdk/src/random.ts";

export type StressOrder =
  | { readonly kind: "samples"; readonly samples: SharedSamples; readonly count: number }
  | { readonly kind: "frames"; readonly frames: SharedFrames; readonly count: number };

const order: StressOrder = workerData;
const random = createRandom(7);
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Now and then the other thread catches up. */
function rest(every: number): void {
  if (random.nextUint32() % every === 0) Atomics.wait(nobody, 0, 0, 0.2);
}

if (order.kind === "samples") {
  const writer = new SampleWriter(order.samples);
  const values = new Float64Array(order.samples.size);
  let refused = 0;
  for (let n = 1; n <= order.count; n += 1) {
    values.fill(n);
    if (!writer.push(values, n / 8)) refused += 1;
    rest(512);
  }
  parentPort?.postMessage(refused);
} else {
  const writer = new FrameWriter(order.frames);
  const words = order.frames.size / Uint32Array.BYTES_PER_ELEMENT;
  const views = new Map<number, Uint32Array>();
  for (let n = 1; n <= order.count; n += 1) {
    const { buffer, byteOffset } = writer.frame;
    let view = views.get(byteOffset);
    if (view === undefined)
      views.set(byteOffset, (view = new Uint32Array(buffer, byteOffset, words)));
    view.fill(n);
    writer.publish(n);
    rest(order.frames.size > 1000 ? 512 : 100_000);
  }
  parentPort?.postMessage(0);
}

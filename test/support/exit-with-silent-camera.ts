/** Exits while a thread is inside a read of a camera that sends nothing. */
import { setTimeout as sleep } from "node:timers/promises";

import { FramePipe } from "../../sdk/src/runtime/node/index.ts";

const pipe = new FramePipe(1000, {
  source: { command: ["sleep", "1000"] },
  rateHz: 30,
  latencyMs: 0,
  maxRestarts: 0,
});
await pipe.start();
while (pipe.state !== "open") await sleep(5);
// It is in its first read now, or about to be.
await sleep(50);
process.exit(0);

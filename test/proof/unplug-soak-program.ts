import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SerialLink, type SerialDriver } from "../../firmware-bridge/src/serial.ts";
import { sleepUntil } from "../../sdk/src/clock.ts";
import { createRandom, type RandomStream } from "../../sdk/src/random.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { PtyFirmware } from "../conformance/pty-firmware.ts";
import { auditPath } from "../support/path-audit.ts";
import { streamWave } from "../support/wave-stream.ts";

/**
 * Streams a motion to the host firmware and pulls its cable out at random moments; a program of its own, so that a crash ends nothing else.
 *
 *     node unplug-soak-program.js '{"cycles": …, "seed": …, "driver": …}'
 *
 * Prints one {@link SoakLine} a line.
 */
export interface SoakOrder {
  readonly cycles: number;
  readonly seed: number;
  readonly driver: SerialDriver;
}

export type SoakLine =
  | {
      readonly kind: "cycle";
      /** Bytes of the new terminal from before its first HELLO, or that failed the CRC after it. */
      readonly staleBytes: number;
      /** Chunks committed between the unplug and the first one sent after it. */
      readonly staleChunks: number;
    }
  | {
      readonly kind: "path";
      readonly samples: number;
      readonly moving: number;
      readonly mismatches: number;
    };

const leadMs = 60;
const leaseMs = 300;
const clock = new MonotonicClock();

const order: SoakOrder = JSON.parse(process.argv[2] ?? "");
const random = createRandom(order.seed);
const folder = await mkdtemp(join(tmpdir(), "omp-soak-"));
const logs = { path: join(folder, "path"), admit: join(folder, "admit") };
const firmware = await PtyFirmware.start("--path-log", logs.path, "--admit-log", logs.admit);
const link = new SerialLink({ clock, path: firmware.path, driver: order.driver });
let { joints } = await link.connect();

for (let cycle = 0; cycle < order.cycles; cycle++) {
  await readyToMove();
  const streaming = { isOver: false };
  const stream = streamWave({
    link,
    clock,
    jointCount: joints.length,
    leadMs,
    isOver: () => streaming.isOver,
  });
  await pass(200, 700);
  await firmware.command("unplug");
  const committed = await counter("chunks_committed");
  // The loop goes on for a moment, as one does that has not noticed yet.
  await pass(0, 60);
  streaming.isOver = true;
  await stream;
  while (link.state !== "closed") await sleepUntil(clock, clock.nowMs() + 1);
  await pass(0, 500);
  await firmware.command("replug");
  ({ joints } = await link.connect());
  await pass(0, 50);
  say({
    kind: "cycle",
    staleBytes: await staleBytes(),
    staleChunks: (await counter("chunks_committed")) - committed,
  });
}
await link.close();
await firmware.command("flush");
const audit = auditPath(await readFile(logs.path), await readFile(logs.admit), joints);
say({
  kind: "path",
  samples: audit.samples,
  moving: audit.movingSamples,
  mismatches: audit.mismatches,
});
await firmware.close();
await rm(folder, { recursive: true, force: true });

async function readyToMove(): Promise<void> {
  if (link.state === "faulted") await link.clearFault();
  await link.arm(leaseMs);
}

async function counter(name: string): Promise<number> {
  return Number((await firmware.command("counters"))[name]);
}

async function staleBytes(): Promise<number> {
  const log = await firmware.command("rxlog");
  assert.equal(log["has_hello"], true, "a link that is open has said HELLO");
  return Number(log["stale_bytes"]);
}

async function pass(minMs: number, maxMs: number, stream: RandomStream = random): Promise<void> {
  await sleepUntil(clock, clock.nowMs() + stream.uniform(minMs, maxMs));
}

function say(line: SoakLine): void {
  console.log(JSON.stringify(line));
}

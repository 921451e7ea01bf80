import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SerialLink, type SerialDriver } from "../../firmware-bridge/src/serial.ts";
import { sleepUntil } from "../../sdk/src/clock.ts";
import { createRandom, type RandomStream } from "../../sdk/src/random.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { createJointState, createTrajectory, type Joint } from "../../sdk/src/types.ts";
import { PtyFirmware } from "../conformance/pty-firmware.ts";
import { auditPath } from "../support/path-audit.ts";

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

const chunkMs = 160;
const leadMs = 60;
const leaseMs = 300;
/** rad, and rad/s of the phase: at most 0.1 rad/s. */
const amplitude = 0.05;
const phaseRate = 2;
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
  const stream = streamMotion(joints, streaming);
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

/** Chunk after chunk of a slow wave of every joint, from where the arm is, as long as the link takes them. */
async function streamMotion(
  described: readonly Joint[],
  streaming: { readonly isOver: boolean },
): Promise<void> {
  const rest = createJointState(described.length);
  link.readJointState(rest);
  const trajectory = createTrajectory(16, described.length);
  trajectory.dtMs = 20;
  trajectory.count = 16;
  const beganMs = clock.nowMs() + leadMs;
  for (let chunk = 0; !streaming.isOver; chunk++) {
    trajectory.id = chunk + 1;
    trajectory.startAtMs = beganMs + chunk * chunkMs;
    for (let i = 0; i < trajectory.positions.length; i++) {
      const joint = i % described.length;
      const row = Math.floor(i / described.length);
      const seconds = (chunk * chunkMs + row * trajectory.dtMs) / 1000;
      trajectory.positions[i] =
        (rest.command[joint] ?? 0) + amplitude * (1 - Math.cos(phaseRate * seconds));
    }
    link.send(trajectory);
    const nextMs = trajectory.startAtMs + chunkMs - leadMs;
    while (clock.nowMs() < nextMs && !streaming.isOver) {
      link.heartbeat();
      await sleepUntil(clock, clock.nowMs() + 5);
    }
  }
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

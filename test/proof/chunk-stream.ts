import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SerialLink } from "../../firmware-bridge/src/serial.ts";
import { sleepUntil } from "../../sdk/src/clock.ts";
import { createRandom } from "../../sdk/src/random.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { PtyFirmware } from "../conformance/pty-firmware.ts";
import { auditPath, type PathAudit } from "../support/path-audit.ts";
import { blockAtRandom } from "../support/pty-robot.ts";
import { streamWave } from "../support/wave-stream.ts";

/** A stream of chunks and what the firmware made of it. */
export interface ChunkStream extends PathAudit {
  /** How often this thread was blocked, for up to 60 ms. */
  readonly stalls: number;
  /** Leases that ran out, because the machine stalled longer; the arm was armed again. */
  readonly leasesLost: number;
}

const leadMs = 100;
/** The longest one: the lease is not what is measured here. */
const leaseMs = 1000;
const progressMs = 30_000;

/**
 * Streams chunks of 16 waypoints at 50 Hz to the host firmware on a pty while this thread is blocked at random for up to 60 ms, and
 * compares every command the firmware drove with the reference interpolation of what it admitted.
 *
 * @param say one line of progress for a person
 */
export async function streamChunks(
  durationMs: number,
  seed: number,
  say: (line: string) => void = () => {},
): Promise<ChunkStream> {
  const clock = new MonotonicClock();
  const random = createRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), "omp-stream-"));
  const logs = { path: join(folder, "path"), admit: join(folder, "admit") };
  const firmware = await PtyFirmware.start("--path-log", logs.path, "--admit-log", logs.admit);
  const link = new SerialLink({ clock, path: firmware.path });
  const endMs = clock.nowMs() + durationMs;
  let leasesLost = 0;
  let nextSayMs = clock.nowMs();
  const isOver = (): boolean => {
    const nowMs = clock.nowMs();
    if (nowMs >= nextSayMs) {
      const leftMs = Math.max(0, endMs - nowMs);
      say(`chunk stream: ${Math.round(leftMs / 1000)} s left`);
      nextSayMs += progressMs;
    }
    return nowMs >= endMs || link.state === "faulted" || link.state === "closed";
  };
  const stopBlocking = blockAtRandom(() => random.uniform(0, 1));
  try {
    const { joints } = await link.connect();
    while (clock.nowMs() < endMs && link.state !== "closed") {
      if (link.state === "faulted") {
        leasesLost++;
        await link.clearFault();
      }
      await link.arm(leaseMs);
      await streamWave({ link, clock, jointCount: joints.length, leadMs, isOver });
    }
    const stalls = stopBlocking();
    // The ring's tail and its brake are part of the path.
    await sleepUntil(clock, clock.nowMs() + 500);
    await firmware.command("flush");
    const audit = auditPath(await readFile(logs.path), await readFile(logs.admit), joints);
    return { ...audit, stalls, leasesLost };
  } finally {
    stopBlocking();
    await link.close();
    await firmware.close();
    await rm(folder, { recursive: true, force: true });
  }
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { quantileMs } from "../../firmware-bridge/src/round-trip.ts";
import type { SerialDriver } from "../../firmware-bridge/src/serial.ts";
import { timeRoundTrips } from "../bench/link.ts";
import { PtyFirmware } from "../conformance/pty-firmware.ts";
import type { SoakLine, SoakOrder } from "./unplug-soak-program.ts";

/** What pulling the cable did. */
export interface UnplugSoak {
  readonly unplugs: number;
  readonly stale_bytes: number;
  /** Chunks that were committed after an unplug and before anything was sent again. */
  readonly stale_chunks: number;
  /** Ends of the process other than by its own will. */
  readonly crashes: number;
  /** Ticks in which the arm was driven to where no admitted chunk, brake or hold explains. */
  readonly unexplained_motion: number;
  readonly path_samples: number;
  readonly moving_samples: number;
}

const soakProgram = fileURLToPath(new URL("./unplug-soak-program.js", import.meta.url));
/** A crash costs the rest of its batch. */
const batchCycles = 10;

/**
 * Unplugs and replugs the host firmware's terminal in motion, at random moments.
 *
 * @param say one line of progress for a person
 */
export async function soakUnplugs(
  say: (line: string) => void,
  { cycles, seed, driver }: SoakOrder,
): Promise<UnplugSoak> {
  const soak = {
    unplugs: 0,
    stale_bytes: 0,
    stale_chunks: 0,
    crashes: 0,
    unexplained_motion: 0,
    path_samples: 0,
    moving_samples: 0,
  };
  for (let begun = 0; begun < cycles; begun += batchCycles) {
    say(`${driver}: ${begun} of ${cycles} unplugs`);
    const batch = { cycles: Math.min(batchCycles, cycles - begun), seed: seed + begun, driver };
    const hasEnded = await runBatch(batch, (line) => {
      if (line.kind === "cycle") {
        soak.unplugs += 1;
        soak.stale_bytes += line.staleBytes;
        soak.stale_chunks += line.staleChunks;
      } else {
        soak.unexplained_motion += line.mismatches;
        soak.path_samples += line.samples;
        soak.moving_samples += line.moving;
      }
    });
    if (!hasEnded) soak.crashes += 1;
  }
  return soak;
}

/** Median round trip of both drivers against one host firmware, taken in turns. */
export async function compareRoundTrips(
  rounds: number,
): Promise<{ readonly serialport: number; readonly linux_tty: number }> {
  const firmware = await PtyFirmware.start();
  const samplesMs: Record<SerialDriver, number[]> = { serialport: [], "linux-tty": [] };
  try {
    for (let round = 0; round < rounds; round++) {
      for (const driver of ["serialport", "linux-tty"] as const) {
        const timed = await timeRoundTrips(firmware.path, driver);
        // The first round warms up.
        if (round > 0) samplesMs[driver].push(...timed.samplesMs);
      }
    }
  } finally {
    await firmware.close();
  }
  return {
    serialport: quantileMs(samplesMs.serialport, 0.5),
    linux_tty: quantileMs(samplesMs["linux-tty"], 0.5),
  };
}

/** @returns false when the program did not come to its end */
async function runBatch(order: SoakOrder, take: (line: SoakLine) => void): Promise<boolean> {
  const child = spawn(process.execPath, [soakProgram, JSON.stringify(order)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  for await (const text of createInterface({ input: child.stdout })) {
    const line: SoakLine = JSON.parse(text);
    take(line);
  }
  await exited;
  return child.exitCode === 0;
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { DiskOutbox } from "../../firmware-bridge/src/fleet/store/disk-outbox.ts";
import { repositoryPath } from "../support/repository.ts";

export interface CrashOutcome {
  readonly kills: number;
  readonly durable: number;
  readonly lost: number;
  readonly doubled: number;
  readonly garbage: number;
}

/** Kills a process that fills a store, again and again in the same folder, and compares what is found with what it said is durable. */
export async function crashStore(kills: number, random: () => number): Promise<CrashOutcome> {
  const folder = await mkdtemp(join(tmpdir(), "omp-store-"));
  const durable: [first: number, last: number][] = [];
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const first = kill * 1_000_000;
      const last = await runAndKill(folder, first, 5 + random() * 60);
      if (last !== undefined) durable.push([first, last]);
    }
    const found = await drain(folder);
    const seen = new Set(found);
    let lost = 0;
    for (const [first, last] of durable) {
      for (let i = first; i <= last; i += 1) if (!seen.has(text(i))) lost += 1;
    }
    const garbage = found.filter((one) => one !== text(Number(one.split(" ")[1]))).length;
    const count = durable.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return { kills, durable: count, lost, doubled: found.length - seen.size, garbage };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function text(i: number): string {
  return `event ${i} ${"x".repeat(i % 700)}`;
}

/** @returns the last number that was said to be durable */
async function runAndKill(
  folder: string,
  first: number,
  afterMs: number,
): Promise<number | undefined> {
  const program = repositoryPath("dist", "test", "fleet", "store-writer.js");
  const writer = spawn(process.execPath, [program, folder, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  writer.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(writer.stdout, "data");
  await sleep(afterMs);
  writer.kill("SIGKILL");
  await once(writer, "close");
  const lines = said.split("\n").slice(0, -1);
  return lines.length === 0 ? undefined : Number(lines.at(-1));
}

async function drain(folder: string): Promise<string[]> {
  const outbox = await DiskOutbox.open({ folder });
  const found: string[] = [];
  // The grace time is over at once.
  let nowMs = 0;
  while (outbox.length > 0) {
    nowMs += 20_000;
    for (const entry of outbox.take(nowMs)) {
      found.push(entry.text);
      outbox.acknowledge(entry, nowMs);
    }
    await new Promise(setImmediate);
  }
  await outbox.close();
  return found;
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { repositoryPath } from "../support/repository.ts";

const omp = repositoryPath("dist", "sdk", "cli", "omp.js");

export interface Ended {
  readonly status: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Runs the `omp` command as a terminal does: in a process group of its own, which `onLine` may interrupt as a whole. */
export async function runOmp(
  args: readonly string[],
  onLine: (line: string, interrupt: () => void) => void = () => undefined,
): Promise<Ended> {
  const child = spawn(process.execPath, [omp, ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  const lines: string[] = [];
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    onLine(line, () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
    });
  }
  await closed;
  return { status: child.exitCode, lines, errors };
}

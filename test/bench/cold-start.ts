import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { numberAt } from "../../models/src/bundle-report.ts";
import { quantile } from "../../sdk/cli/tune/take-turns.ts";
import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { randomBundle } from "./bench-cache.ts";
import type { Bench } from "./measurement.ts";

const program = fileURLToPath(new URL("./cold-start-program.js", import.meta.url));

/** From the start of a process to its first chunk, and what that is made of. Files are in the page cache. */
export interface ColdStart {
  readonly firstChunkMs: readonly number[];
  /** Of the process with its policy loaded, MiB. */
  readonly rssMb: readonly number[];
  readonly importMs: readonly number[];
  readonly loadMs: readonly number[];
}

export async function measureColdStart(bundle: string, runs: number): Promise<ColdStart> {
  const firstChunkMs: number[] = [];
  const parts: unknown[] = [];
  for (let run = 0; run < runs; run += 1) {
    const startMs = performance.now();
    const child = spawn(process.execPath, [program, bundle], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    const { value } = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
    firstChunkMs.push(performance.now() - startMs);
    await exited;
    if (child.exitCode !== 0) {
      throw new OmpError(ErrorCode.ToolFailed, {
        what: "the program that is to start failed",
        observed: `exit status ${child.exitCode}`,
      });
    }
    parts.push(JSON.parse(value));
  }
  const column = (name: string): number[] =>
    parts.map((part) => numberAt(part, name) ?? Number.NaN);
  return {
    firstChunkMs,
    rssMb: column("rss_mb"),
    importMs: column("import_ms"),
    loadMs: column("load_ms"),
  };
}

export const coldStart: Bench = {
  summary: "from the start of a process to its first chunk, and its memory then",

  async run(say) {
    const runs = 20;
    const folder = await randomBundle("small", [], say);
    say(`${runs} processes with the 13 M bundle`);
    const measured = await measureColdStart(join(folder, "bundle"), runs);
    return {
      figures: {
        first_chunk_p50_ms: quantile(measured.firstChunkMs, 0.5),
        first_chunk_max_ms: Math.max(...measured.firstChunkMs),
        import_p50_ms: quantile(measured.importMs, 0.5),
        load_p50_ms: quantile(measured.loadMs, 0.5),
        rss_p50_mb: quantile(measured.rssMb, 0.5),
      },
      samples: { first_chunk_ms: measured.firstChunkMs, rss_mb: measured.rssMb },
    };
  },
};

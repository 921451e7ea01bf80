import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";

import { repositoryPath } from "../support/repository.ts";
import { needsPython } from "./python.ts";

const folder = await mkdtemp(join(tmpdir(), "omp-eval-"));
after(() => rm(folder, { recursive: true, force: true }));

const bundle = repositoryPath("models", "bundles", "so101-push");

async function evaluate(...args: readonly string[]): Promise<string> {
  const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
  const { stdout } = await promisify(execFile)(process.execPath, [omp, "eval", bundle, ...args]);
  return stdout;
}

interface PolicyReport {
  readonly policy: string;
  readonly successes: number;
  readonly failed_seeds: readonly number[];
  readonly max_velocity: number;
  readonly round_trip: { readonly p50_ms: number } | null;
}

test(
  "this runtime, over the wire, drives the simulator as Python's does",
  needsPython,
  async () => {
    const file = join(folder, "report.json");
    const seeds = ["--episodes", "3", "--first-seed", "11"];
    const text = await evaluate("--against", "int8", "--json", file, ...seeds);
    assert.match(text, /^task push\nruntime int8: \d of 3 episodes succeeded, .*95 % interval/);
    assert.match(text, /round trip p50 .*\nint8: \d of 3/);
    assert.match(text, /same seeds: 0 only runtime int8, 0 only int8; McNemar's exact p 1\.0\n$/);
    const { policies }: { policies: readonly PolicyReport[] } = JSON.parse(
      await readFile(file, "utf8"),
    );
    const [runtime, int8] = policies;
    assert.ok(runtime !== undefined && int8 !== undefined);
    assert.equal(runtime.successes, int8.successes);
    // The same noise through the same kernels: the whole path agrees, not only its end.
    assert.ok(Math.abs(runtime.max_velocity - int8.max_velocity) < 0.01);
    assert.ok(runtime.round_trip !== null && runtime.round_trip.p50_ms > 0);
    assert.equal(int8.round_trip, null);
  },
);

test("a task that does not fit the policy is refused", needsPython, async () => {
  await assert.rejects(evaluate("--task", "chess"), /TOOL_FAILED: .*chess/);
});

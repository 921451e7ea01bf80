import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";

import { repositoryPath } from "../support/repository.ts";
import { needsPython } from "./python.ts";

const folder = await mkdtemp(join(tmpdir(), "omp-study-"));
after(() => rm(folder, { recursive: true, force: true }));

const results = join(folder, "results.jsonl");

async function study(job: string, ...args: readonly string[]): Promise<string> {
  const files = [
    `--config=${repositoryPath("test", "python", "tiny-grid.yaml")}`,
    `--results=${results}`,
  ];
  const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
  const { stdout } = await promisify(execFile)(process.execPath, [
    omp,
    "study",
    job,
    ...files,
    ...args,
  ]);
  return stdout;
}

test("a study runs what is missing, once, and reports it", needsPython, async () => {
  const work = `--work=${join(folder, "work")}`;
  assert.equal(await study("run", work, "--limit-minutes=0"), "0 of 1 cells finished\n");
  assert.equal(await study("run", work), "1 of 1 cells finished\n");
  const once = await readFile(results, "utf8");
  const line: unknown = JSON.parse(once);
  assert.ok(typeof line === "object" && line !== null && "runtime" in line && "torch" in line);
  assert.match(JSON.stringify(line.runtime), /"variant":"int8","successes":\d,"episodes":1/);
  assert.equal(await study("run", work), "1 of 1 cells finished\n");
  assert.equal(await readFile(results, "utf8"), once, "a finished cell ran again");

  const report = join(folder, "RESULTS.md");
  assert.equal(await study("report", `--out=${report}`), "1 of 1 cells finished\n");
  assert.match(await readFile(report, "utf8"), /\| push +\| easy +\| 1 +\| runtime \| \d+ \[/);
  assert.match(await readFile(join(folder, "success.svg"), "utf8"), /<title>omp, easy: /);
});

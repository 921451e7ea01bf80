import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { needsPython } from "./python.ts";
import { runOmp } from "./run-omp.ts";

const folder = await mkdtemp(join(tmpdir(), "omp-data-"));
after(() => rm(folder, { recursive: true, force: true }));

test("demonstrations are collected twice the same, and inspected", needsPython, async () => {
  const files = [join(folder, "a.npz"), join(folder, "b.npz")];
  const hashes: unknown[] = [];
  for (const out of files) {
    const command = ["data", "collect", "--task", "push", "--episodes", "2", "--out", out];
    const { status, lines, errors } = await runOmp([...command, "--json"]);
    assert.equal(status, 0, errors);
    const result: unknown = JSON.parse(lines.at(-1) ?? "");
    assert.ok(typeof result === "object" && result !== null && "sha256" in result);
    hashes.push(result.sha256);
  }
  assert.equal(hashes[0], hashes[1]);

  const plot = join(folder, "plot.svg");
  const { status, lines, errors } = await runOmp([
    "data",
    "inspect",
    files[0] ?? "",
    "--plot",
    plot,
  ]);
  assert.equal(status, 0, errors);
  assert.match(lines[0] ?? "", /a\.npz: 2 episodes, \d+ steps of 50 ms/);
  assert.ok(lines.includes("key     observation.environment_state float32 [4]"));
  assert.match(await readFile(plot, "utf8"), /^<svg /);
});

test("Ctrl-C while collecting leaves no file", needsPython, async () => {
  const out = join(folder, "interrupted", "demo.npz");
  let interrupts = 0;
  const { status, errors } = await runOmp(
    ["data", "collect", "--task", "push", "--episodes", "100000", "--out", out, "--json"],
    (line, interrupt) => {
      if (interrupts > 0 || !line.includes('"progress"')) return;
      interrupts += 1;
      interrupt();
    },
  );
  assert.equal(status, 130, errors);
  assert.match(errors, /omp: stopped; nothing was written/);
  assert.ok(!(await readdir(folder)).includes("interrupted"));
});

test("what cannot be read is named in one line", needsPython, async () => {
  const { status, errors } = await runOmp(["data", "import", folder, "--out", "x.npz"]);
  assert.equal(status, 1);
  assert.match(errors, /^omp: TOOL_FAILED: .*DATASET_INVALID.*neither meta\/info\.json.*\n$/);
});

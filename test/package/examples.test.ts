import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import { repositoryPath, repositoryRoot } from "../support/repository.ts";

async function runExample(name: string): Promise<string> {
  const main = repositoryPath("dist", "examples", name, "main.js");
  const { stdout } = await promisify(execFile)(process.execPath, [main], { cwd: repositoryRoot });
  return stdout;
}

test("hello-policy prints a chunk of six joints", async () => {
  const [headline, ...rows] = (await runExample("hello-policy")).trim().split("\n");
  assert.match(headline ?? "", /^16 actions in one evaluation of [\d.]+ ms$/);
  assert.equal(rows.length, 16);
  for (const row of rows) {
    const values = row.trim().split(/\s+/).map(Number);
    assert.equal(values.length, 6);
    assert.ok(values.every(Number.isFinite), row);
  }
});

test("serial-arm runs without hardware and stops clean", async () => {
  const lines = (await runExample("serial-arm")).split("\n").map((line) => line.trim());
  assert.deepEqual(lines.slice(0, 4), ["arming", "holding", "running", "idle"]);
  assert.ok(lines.includes("faults: 0"), lines.join("\n"));
});

test("so101 drives six simulated servos with the bundled policy and stops clean", async () => {
  const lines = (await runExample("so101")).split("\n").map((line) => line.trim());
  assert.deepEqual(lines.slice(0, 4), ["arming", "holding", "running", "idle"]);
  assert.ok(lines.includes("faults: 0,") || lines.includes("faults: 0"), lines.join("\n"));
});

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { repositoryPath } from "../support/repository.ts";
import { needsPython } from "./python.ts";
import { runOmp } from "./run-omp.ts";

const recipe = repositoryPath("test", "python", "tiny-recipe.json");
const folder = await mkdtemp(join(tmpdir(), "omp-train-"));
const run = join(folder, "run");
const bundle = join(folder, "bundle");
after(() => rm(folder, { recursive: true, force: true }));

test("Ctrl-C leaves a checkpoint, and the same command goes on from it", needsPython, async () => {
  const change = ["--set", "train.steps=100", "--set", "train.log_every=10"];
  const command = ["train", "--config", recipe, "--out", run, "--json", ...change];
  let interrupts = 0;
  const stopped = await runOmp(command, (line, interrupt) => {
    if (interrupts > 0 || !line.includes(`"stage": "train"`)) return;
    interrupts += 1;
    interrupt();
  });
  assert.equal(stopped.status, 130, stopped.errors);
  assert.match(stopped.errors, /omp: stopped after step \d+; .* goes on from .*checkpoint\.pt/);
  assert.ok(existsSync(join(run, "checkpoint.pt")));
  assert.equal(existsSync(join(run, "policy.safetensors")), false);

  const finished = await runOmp(command);
  assert.equal(finished.status, 0, finished.errors);
  assert.ok(existsSync(join(run, "policy.safetensors")));
  const curves = await readFile(join(run, "curves.csv"), "utf8");
  assert.match(curves, /^step,.*\n10,(.*\n)+100,/);
  const from = /from step (\d+) to 100/.exec(finished.lines.join("\n"))?.[1];
  assert.ok(Number(from) > 0, "the run began again");
});

test("a finished run becomes a bundle that inspects and verifies", needsPython, async () => {
  const exported = await runOmp(["export", "--run", run, "--out", bundle]);
  assert.equal(exported.status, 0, exported.errors);

  const inspected = await runOmp(["inspect", bundle]);
  assert.equal(inspected.status, 0, inspected.errors);
  const text = inspected.lines.join("\n");
  assert.match(text, /^tiny 1\.0\.0/);
  assert.match(text, /int8 \(default\).*of 1 episodes succeeded/);
  assert.match(text, /policy\.int8\.onnx, \d+ bytes, ok/);

  const verified = await runOmp(["verify", bundle, "--windows", "32"]);
  assert.equal(verified.status, 0, verified.errors);
  const report = verified.lines.join("\n");
  assert.match(report, /int8: 4 golden cases reproduced .* onnxruntime-node/);
  const fp32Error = Number(/fp32: at most (\S+) from PyTorch/.exec(report)?.[1]);
  assert.ok(fp32Error <= 1e-5, `fp32 is ${fp32Error} from PyTorch`);
});

test("a changed file fails inspection and verification", needsPython, async () => {
  await appendFile(join(bundle, "policy.int8.onnx"), "x");
  for (const command of ["inspect", "verify"]) {
    const { status, lines } = await runOmp([command, bundle]);
    assert.equal(status, 1);
    assert.match(lines.join("\n"), /policy\.int8\.onnx.*changed/);
  }
});

test("what Python refuses is told in one line", needsPython, async () => {
  const refused = await runOmp(["export", "--run", join(folder, "nowhere"), "--out", bundle]);
  assert.equal(refused.status, 1);
  assert.match(refused.errors, /^omp: TOOL_FAILED: .*CHECKPOINT_INVALID.*nowhere.*\n$/);
});

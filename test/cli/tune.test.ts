import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { isOmpError } from "omp-edge";
import { loadPolicy } from "omp-edge/node";

import { repositoryPath } from "../support/repository.ts";

const folder = mkdtempSync(join(tmpdir(), "omp-tune-"));
const tiny = repositoryPath("test", "vectors", "tiny-policy");
process.env["XDG_STATE_HOME"] = join(folder, "state");
after(() => {
  rmSync(folder, { recursive: true });
});

function runTune(...args: readonly string[]): SpawnSyncReturns<string> {
  const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
  return spawnSync(process.execPath, [omp, "tune", ...args], { encoding: "utf8" });
}

/** Changes the choice of a stored tuning. */
function edit(file: string, change: Readonly<Record<string, unknown>>): void {
  const content = JSON.parse(readFileSync(file, "utf8"));
  Object.assign(content.choice, change);
  writeFileSync(file, JSON.stringify(content));
}

/** A copy of the tiny bundle with the further variant `bad`, whose golden outputs the graph does not give. */
function bundleWithBadVariant(): string {
  const bundle = join(folder, "with-bad-variant");
  cpSync(tiny, bundle, { recursive: true });
  const golden = JSON.parse(readFileSync(join(bundle, "golden.json"), "utf8"));
  golden.tolerance.bad = 1e-4;
  for (const { outputs } of golden.cases) {
    outputs.bad = outputs.fp32.map((value: number) => value + 1);
  }
  const text = JSON.stringify(golden);
  writeFileSync(join(bundle, "golden.json"), text);
  const manifest = JSON.parse(readFileSync(join(bundle, "manifest.json"), "utf8"));
  manifest.variants.push({ ...manifest.variants[0], name: "bad" });
  const sha256 = createHash("sha256").update(text).digest("hex");
  manifest.files["golden.json"] = { sha256, bytes: text.length };
  writeFileSync(join(bundle, "manifest.json"), JSON.stringify(manifest));
  return bundle;
}

test("a choice is stored for this device, and loadPolicy takes it for this bundle alone", async () => {
  const { status, stdout, stderr } = runTune(tiny, "--rounds", "1", "--json");
  assert.equal(status, 0, stderr);
  const { stored, choice, results } = JSON.parse(stdout);
  assert.ok(stored.startsWith(join(folder, "state", "omp-edge", "tuning")));
  assert.equal(choice.variant, "fp32");
  assert.ok(results.every((one: { samplesUs: unknown[] }) => one.samplesUs.length === 10));
  await (await loadPolicy(tiny)).close();

  // A choice that cannot work shows whether it is taken.
  edit(stored, { execution_provider: "no-such-provider" });
  await assert.rejects(loadPolicy(tiny), (error) =>
    isOmpError(error, "BACKEND_PROVIDER_UNAVAILABLE"),
  );
  await (await loadPolicy(tiny, { tuning: false })).close();
  await (await loadPolicy(tiny, { executionProviders: ["cpu"] })).close();
  await (await loadPolicy(bundleWithBadVariant())).close();
});

test("a file that is named must be for this bundle on this device", async () => {
  const file = join(folder, "choice.json");
  const { status, stderr } = runTune(tiny, "--rounds", "1", "--out", file);
  assert.equal(status, 0, stderr);
  await (await loadPolicy(tiny, { tuning: file })).close();
  const refusals: readonly (readonly [bundle: string, tuning: string, RegExp])[] = [
    [bundleWithBadVariant(), file, /bundleSha256/],
    [tiny, join(folder, "missing.json"), /omp tune BUNDLE --out/],
  ];
  for (const [bundle, tuning, message] of refusals) {
    await assert.rejects(
      loadPolicy(bundle, { tuning }),
      (error) => isOmpError(error, "INVALID_ARGUMENT") && message.test(error.message),
    );
  }
  edit(file, { threads: 3 });
  await assert.rejects(loadPolicy(tiny, { tuning: file }), /unknown key choice\.threads/);
});

test("a variant whose golden outputs differ is left out, and the table says so", () => {
  const out = join(folder, "bad.json");
  const { status, stdout } = runTune(bundleWithBadVariant(), "--rounds", "1", "--out", out);
  assert.equal(status, 0);
  assert.match(stdout, /^\* +fp32 /m);
  assert.match(stdout, /^ +bad .*its answers differ from the golden ones/m);
});

test("a provider that is not there leaves nothing to choose", () => {
  const out = join(folder, "none.json");
  const { status, stderr } = runTune(tiny, "--provider", "no-such-provider", "--out", out);
  assert.equal(status, 1);
  assert.match(stderr, /no-such-provider: not in this build of onnxruntime/);
});

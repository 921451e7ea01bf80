import assert from "node:assert/strict";
import { appendFile, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { parseManifest } from "../../sdk/src/bundle/manifest.ts";
import { FileBundleReader } from "../../sdk/src/runtime/node/file-bundle-reader.ts";
import { checkFiles, describeManifest, numberAt } from "./bundle-report.ts";

const tinyPolicy = fileURLToPath(
  new URL("./test/vectors/tiny-policy", import.meta.resolve("omp-edge/package.json")),
);
const manifest = parseManifest(await readFile(join(tinyPolicy, "manifest.json"), "utf8"));

test("every file is found right, changed or missing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "omp-report-"));
  try {
    await cp(tinyPolicy, folder, { recursive: true });
    const reader = new FileBundleReader(folder);
    const states = async (): Promise<object> =>
      Object.fromEntries(
        (await checkFiles(reader, manifest)).map(({ file, state }) => [file, state]),
      );
    assert.deepEqual(await states(), { "policy.fp32.onnx": "ok", "golden.json": "ok" });
    await appendFile(join(folder, "golden.json"), " ");
    await rm(join(folder, "policy.fp32.onnx"));
    assert.deepEqual(await states(), { "policy.fp32.onnx": "missing", "golden.json": "changed" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a description names the chunk, every observation, joint and variant", () => {
  const measured = {
    ...manifest,
    training: { objective: "omp", success: { fp32: { episodes: 100, successes: 97 } } },
    quantization: { action_error: { fp32: { max_normalized: 1.2e-6, p99_normalized: 5e-7 } } },
  };
  const text = describeManifest(measured).join("\n");
  assert.match(text, /8 rows of 50 ms, rows 2 to 5 executed/);
  assert.match(text, /observation\.state \[2\] rad, 100 Hz/);
  assert.match(text, /elbow -1\.5 to 1\.5/);
  assert.match(
    text,
    /fp32 \(default\).*0\.0000012 from PyTorch.*99 % .* within 5e-7, 97 of 100 episodes succeeded/,
  );
});

test("a number is read where there is one", () => {
  assert.equal(numberAt({ a: { b: 3 } }, "a", "b"), 3);
  assert.equal(numberAt({ a: { b: "3" } }, "a", "b"), undefined);
  assert.equal(numberAt(undefined, "a"), undefined);
});

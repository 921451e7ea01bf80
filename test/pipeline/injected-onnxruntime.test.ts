import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { isOmpError } from "omp-edge";
import { loadPolicy, OrtSession } from "omp-edge/node";

import { repositoryPath } from "../support/repository.ts";

const bundle = repositoryPath("test", "vectors", "tiny-policy");
const model = { path: join(bundle, "policy.fp32.onnx") };
const folder = mkdtempSync(join(tmpdir(), "omp-ort-"));
const real = JSON.stringify(createRequire(import.meta.url).resolve("onnxruntime-node"));
after(() => {
  rmSync(folder, { recursive: true });
});

/** A build of onnxruntime: the real one, whose list of providers and whose sessions are as `source` says. */
function writeBuild(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, `const ort = require(${real});\nmodule.exports = { ...ort, ${source} };\n`);
  return path;
}

/** Has CUDA; runs it on the CPU, since there is no GPU here. */
const withCuda = writeBuild(
  "with-cuda.cjs",
  `listSupportedBackends: () => [{ name: "cpu", bundled: true }, { name: "cuda", bundled: true }],
   InferenceSession: class {
     static create(model, options) {
       return ort.InferenceSession.create(model, { ...options, executionProviders: ["cpu"] });
     }
   }`,
);
/** As npm's arm64 build: it knows the CPU alone, and would take it in silence for any provider. */
const cpuOnly = writeBuild(
  "cpu-only.cjs",
  `listSupportedBackends: () => [{ name: "cpu", bundled: true }],
   InferenceSession: class {
     static create(model, options) {
       return ort.InferenceSession.create(model, { ...options, executionProviders: ["cpu"] });
     }
   }`,
);

test("another build of onnxruntime runs a policy, and says which it is and what it runs on", async () => {
  const policy = await loadPolicy(bundle, { onnxruntime: withCuda, executionProviders: ["cuda"] });
  assert.equal(policy.info.activeProvider, "cuda");
  assert.ok(policy.info.runtime.endsWith(`from ${withCuda}`), policy.info.runtime);
  const chunk = await policy.act({ "observation.state": [0, 0] });
  assert.equal(chunk.horizon, 8);
  await policy.close();
});

test("a build without the provider is refused, unless falling back is allowed", async () => {
  const options = { onnxruntime: cpuOnly, executionProviders: ["tensorrt", "cuda"] };
  await assert.rejects(
    loadPolicy(bundle, options),
    (error) => isOmpError(error, "BACKEND_PROVIDER_UNAVAILABLE") && /tensorrt/.test(error.message),
  );
  const policy = await loadPolicy(bundle, { ...options, allowFallback: true });
  assert.equal(policy.info.activeProvider, "cpu");
  await policy.close();
});

test("the environment names the build where no option does", async () => {
  process.env["OMP_ONNXRUNTIME"] = cpuOnly;
  try {
    const byEnvironment = new OrtSession();
    assert.match((await byEnvironment.load(model)).runtime, /cpu-only\.cjs$/);
    await byEnvironment.close();
    const byOption = new OrtSession({ onnxruntime: withCuda });
    assert.match((await byOption.load(model)).runtime, /with-cuda\.cjs$/);
    await byOption.close();
  } finally {
    delete process.env["OMP_ONNXRUNTIME"];
  }
});

test("a module that is not there, or is no onnxruntime, is BACKEND_LOAD_FAILED and named", async () => {
  const other = join(folder, "other.cjs");
  writeFileSync(other, "module.exports = { answer: 42 };\n");
  for (const onnxruntime of [join(folder, "missing.cjs"), other]) {
    const session = new OrtSession({ onnxruntime });
    await assert.rejects(
      session.load(model),
      (error) => isOmpError(error, "BACKEND_LOAD_FAILED") && error.message.includes(onnxruntime),
    );
  }
});

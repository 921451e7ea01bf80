import assert from "node:assert/strict";
import { test } from "node:test";

import { isOmpError } from "omp-edge";
import { OrtSession, WorkerBackend } from "omp-edge/node";
import { FakeBackend } from "omp-edge/testing";
import { OrtWebSession } from "omp-edge/web";

import { tinyGraph } from "../pipeline/tiny-loop.ts";
import { repositoryPath } from "../support/repository.ts";
import { inferenceBackendConformance } from "./inference-backend.ts";

inferenceBackendConformance("onnxruntime on the calling thread", () => new OrtSession());

inferenceBackendConformance("onnxruntime in a worker", () => new WorkerBackend());

inferenceBackendConformance("onnxruntime-web in Node", () => new OrtWebSession());

inferenceBackendConformance(
  "fake",
  () =>
    new FakeBackend({
      ...tinyGraph,
      evaluate: (inputs, outputs) => {
        const state = inputs.get("observation.state") ?? [];
        const noise = inputs.get("noise") ?? new Float32Array();
        const gain = Math.fround(0.1);
        for (const [i, value] of noise.entries()) {
          const action = Math.fround(gain * value) + (state[2 + (i % 2)] ?? Number.NaN);
          outputs.get("action")?.set([action], i);
        }
      },
    }),
);

for (const Backend of [OrtSession, WorkerBackend, OrtWebSession]) {
  test(`${Backend.name}: a model that is none is BACKEND_LOAD_FAILED and can be closed`, async () => {
    for (const model of [
      { bytes: Uint8Array.of(1, 2, 3) },
      { path: repositoryPath("package.json") },
    ]) {
      const backend = new Backend();
      await assert.rejects(backend.load(model), (error) =>
        isOmpError(error, "BACKEND_LOAD_FAILED"),
      );
      await backend.close();
    }
  });
}

for (const Backend of [OrtSession, WorkerBackend]) {
  test(`${Backend.name}: a provider that is not there is refused unless falling back is allowed`, async () => {
    const model = { path: repositoryPath("test/vectors/tiny-policy/policy.fp32.onnx") };
    const refusing = new Backend({ executionProviders: ["no-such-provider"] });
    await assert.rejects(
      refusing.load(model),
      (error) =>
        isOmpError(error, "BACKEND_PROVIDER_UNAVAILABLE") && /no-such-provider/.test(error.message),
    );
    await refusing.close();
    const fallingBack = new Backend({
      executionProviders: ["no-such-provider"],
      allowFallback: true,
    });
    assert.equal((await fallingBack.load(model)).activeProvider, "cpu");
    await fallingBack.close();
  });
}

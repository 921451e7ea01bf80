import assert from "node:assert/strict";
import { test } from "node:test";

import { createRandom, type InferenceBackend, isOmpError, type OmpPolicy } from "omp-edge";
import { loadPolicy, OrtSession, WorkerBackend } from "omp-edge/node";
import { OrtWebSession } from "omp-edge/web";

import { repositoryPath } from "../support/repository.ts";

const bundle = repositoryPath("test", "vectors", "split-policy");
const tolerance = 1e-5;
const key = "observation.state";

/** Largest difference of two policies over observations of a walk, `stride` steps apart, in two episodes. */
async function largestDifference(
  one: OmpPolicy,
  other: OmpPolicy,
  stride: number,
): Promise<number> {
  const random = createRandom(stride);
  let largest = 0;
  for (const seed of [1, 2]) {
    one.reseed(seed);
    other.reseed(seed);
    const steps = Array.from({ length: 30 }, () => [random.uniform(-1, 1), random.uniform(-1, 1)]);
    // The first step stands for both, as at the start of an episode.
    const windows = steps.map((step, i) => (steps[i - 1] ?? step).concat(step));
    for (let i = 0; i < windows.length; i += stride) {
      const observation = { [key]: windows[i] ?? [] };
      const [a, b] = [await one.act(observation), await other.act(observation)];
      largest = a.rows.reduce(
        (most, v, j) => Math.max(most, Math.abs(v - (b.rows[j] ?? NaN))),
        largest,
      );
    }
  }
  return largest;
}

const backends: Readonly<Record<string, () => InferenceBackend>> = {
  "onnxruntime on the calling thread": () => new OrtSession(),
  "onnxruntime in a worker": () => new WorkerBackend(),
  "onnxruntime-web in Node": () => new OrtWebSession(),
};

for (const [name, create] of Object.entries(backends)) {
  test(`${name}: a split policy with kept features is the whole one, within ${tolerance}`, async () => {
    const whole = await loadPolicy(bundle, { backend: create() });
    const split = await loadPolicy(bundle, { backend: create(), variant: "split" });
    for (const stride of [1, 2, 5]) {
      const difference = await largestDifference(whole, split, stride);
      assert.ok(difference <= tolerance, `${difference} at stride ${stride}`);
    }
    await whole.close();
    await split.close();
  });
}

test("a bundle without a split variant says which it has", async () => {
  const tiny = repositoryPath("test", "vectors", "tiny-policy");
  await assert.rejects(
    loadPolicy(tiny, { variant: "split" }),
    (error) =>
      isOmpError(error, "INVALID_ARGUMENT") && /has no variant split.*fp32/.test(error.message),
  );
});

test("an encoder and a head that do not belong together are refused", async () => {
  const head = { path: `${bundle}/policy.split.onnx` };
  for (const Backend of [OrtSession, WorkerBackend, OrtWebSession]) {
    const backend = new Backend();
    await assert.rejects(backend.load({ encoder: head, head }), (error) =>
      isOmpError(error, "BUNDLE_INVALID"),
    );
    await backend.close();
  }
});

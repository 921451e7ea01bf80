import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { isOmpError } from "omp-edge";
import { FileBundleReader, OrtSession } from "omp-edge/node";
import { FetchBundleReader, loadPolicy, OrtWebSession } from "omp-edge/web";

import { repositoryPath } from "../support/repository.ts";
import { startStaticServer, type StaticServer } from "../support/static-server.ts";
import { goldenOutputs, largestDifference } from "../support/golden-outputs.ts";

const bundle = repositoryPath("models/bundles/so101-push");
let server: StaticServer;

before(async () => {
  server = await startStaticServer({ "/so101-push/": bundle });
});

after(() => server.close());

for (const [variant, tolerance] of [
  ["fp32", 1e-4],
  ["int8", undefined],
] as const) {
  test(`onnxruntime-web agrees with onnxruntime-node on the golden cases, ${variant}`, async (t) => {
    const reader = new FetchBundleReader(`${server.origin}/so101-push`);
    const web = await goldenOutputs(reader, new OrtWebSession(), variant);
    const node = await goldenOutputs(new FileBundleReader(bundle), new OrtSession(), variant);
    assert.match(web.runtime, /^onnxruntime-web /);
    assert.match(node.runtime, /^onnxruntime-node /);
    const difference = largestDifference(web.observed, node.observed);
    t.diagnostic(`largest difference ${difference} rad`);
    assert.ok(difference <= (tolerance ?? web.tolerance), `${difference}`);
    assert.ok(largestDifference(web.observed, web.expected) <= web.tolerance);
  });
}

test("loadPolicy fetches a bundle and acts as the policy of Node does", async () => {
  const policy = await loadPolicy(`${server.origin}/so101-push`, { variant: "fp32", seed: 3 });
  const { loadPolicy: loadFromDirectory } = await import("omp-edge/node");
  const reference = await loadFromDirectory(bundle, { variant: "fp32", seed: 3 });
  const observation = {
    "observation.state": [0, -0.3, 0.4, 1.47, 0, 0],
    "observation.environment_state": [0.17, 0.03, 0.19, -0.06],
  };
  const [chunk, expected] = [await policy.act(observation), await reference.act(observation)];
  assert.ok(largestDifference([[...chunk.rows]], [[...expected.rows]]) <= 1e-4);
  await policy.close();
  await reference.close();
});

test("a second session with other options is refused instead of ignored", async () => {
  const first = new OrtWebSession();
  const model = { path: repositoryPath("test/vectors/tiny-policy/policy.fp32.onnx") };
  await first.load(model);
  await assert.rejects(
    new OrtWebSession({ numThreads: 2 }).load(model),
    (error) => isOmpError(error, "INVALID_STATE") && /same options/.test(error.message),
  );
  await first.close();
  for (const numThreads of [0, 1.5, 65, Number.NaN]) {
    assert.throws(
      () => new OrtWebSession({ numThreads }),
      (error) => isOmpError(error, "INVALID_ARGUMENT"),
    );
  }
});

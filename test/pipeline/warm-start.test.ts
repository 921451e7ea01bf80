import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { loadPolicy } from "omp-edge/node";

import { needsPython, runPythonFile } from "../python/python.ts";
import { repositoryPath } from "../support/repository.ts";

const source = repositoryPath("models/bundles/so101-push");
const observations = [0, 1, 2].map((step) => ({
  values: new Map([
    ["observation.state", Float32Array.of(0, -0.3, 0.4, 1.47, 0, 0, 0, -0.3, 0.4, 1.47, 0, 0)],
    ["observation.environment_state", Float32Array.of(0.17, 0, 0.18, 0.09, 0.17, 0, 0.18, 0.09)],
  ]),
  observedAtMs: 1000 + step * 400,
}));

let folder = "";
let bundle = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "omp-warm-"));
  bundle = join(folder, "bundle");
  if (needsPython.skip === false) await runPythonFile("add_tau_variant.py", source, bundle);
});
after(async () => rm(folder, { recursive: true }));

async function actions(
  options: Parameters<typeof loadPolicy>[1],
  from: string = bundle,
): Promise<Float64Array[]> {
  const policy = await loadPolicy(from, options);
  try {
    const chunks: Float64Array[] = [];
    for (const observation of observations) chunks.push((await policy.act(observation)).rows);
    return chunks;
  } finally {
    await policy.close();
  }
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN))));
}

test(
  "the graph with free times is the policy from noise alone, and starts warm from its second chunk on",
  needsPython,
  async () => {
    const cold = await actions({ variant: "fp32" });
    const noiseAlone = await actions({ warmStartTau: 1 });
    const warm = await actions({ warmStartTau: 0.8 });
    for (const [i, chunk] of cold.entries()) {
      assert.ok(largestDifference(chunk, noiseAlone[i] ?? chunk) < 1e-5);
    }
    const [cold0, cold1] = cold;
    const [warm0, warm1] = warm;
    assert.ok(cold0 && cold1 && warm0 && warm1);
    assert.ok(largestDifference(cold0, warm0) < 1e-5, "the first chunk has none before it");
    assert.ok(largestDifference(cold1, warm1) > 1e-3);
  },
);

test("a bundle without the variant refuses a warm start and says how to export it", async () => {
  await assert.rejects(actions({ warmStartTau: 0.8 }, source), {
    code: "INVALID_ARGUMENT",
    message: /no variant for a warm start.*int8, fp32.*inputs t and r.*tau among export\.variants/,
  });
  await assert.rejects(actions({ warmStartTau: 0.8, variant: "fp32" }, source), {
    code: "INVALID_ARGUMENT",
    message: /warmStartTau or variant, not both/,
  });
});

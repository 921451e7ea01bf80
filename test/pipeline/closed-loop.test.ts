import assert from "node:assert/strict";
import { test } from "node:test";

import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { needsPython } from "../python/python.ts";
import { evaluateTorch } from "../support/evaluate-torch.ts";
import { repositoryPath } from "../support/repository.ts";
import { VirtualRobot } from "../support/virtual-robot.ts";

const bundle = repositoryPath("models/bundles/so101-push");
const episodes = 20;

async function successesInt8(): Promise<number> {
  const policy = await loadPolicy(bundle, { variant: "int8" });
  const robot = await VirtualRobot.start(policy);
  let successes = 0;
  for (let seed = 0; seed < episodes; seed += 1) {
    if ((await robot.runEpisode(seed)).hasSucceeded) successes += 1;
  }
  const { trajectoriesLate, faults } = robot.loop.counters;
  assert.deepEqual({ trajectoriesLate, faults }, { trajectoriesLate: 0, faults: 0 });
  await robot.close();
  await policy.close();
  return successes;
}

test("the INT8 bundle solves 18 of 20 seeded episodes through the real firmware", async (t) => {
  const successes = await successesInt8();
  t.diagnostic(`${successes} of ${episodes}`);
  assert.ok(successes >= 18, `${successes} of ${episodes}`);
});

test("it does as well as the fp32 policy in PyTorch on the same seeds", needsPython, async (t) => {
  const torch = await evaluateTorch(bundle, 0, episodes);
  assert.equal(torch.size, episodes);
  const torchSuccesses = [...torch.values()].filter(Boolean).length;
  const successes = await successesInt8();
  t.diagnostic(`INT8 ${successes}, PyTorch fp32 ${torchSuccesses} of ${episodes}`);
  assert.ok(Math.abs(successes - torchSuccesses) <= 2);
});

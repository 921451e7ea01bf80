import assert from "node:assert/strict";
import { test } from "node:test";
import { OmpPolicy, PolicySlot } from "omp-edge";
import { FakeBackend } from "omp-edge/testing";

import { swapInVirtualTime } from "../proof/hot-swap.ts";
import { advance, evaluateRows, tinyGraph, TinyLoop, tinyManifest } from "./tiny-loop.ts";

async function createPolicy(manifest = tinyManifest): Promise<OmpPolicy> {
  const backend = new FakeBackend({ ...tinyGraph, evaluate: evaluateRows(advance) });
  return new OmpPolicy({
    manifest,
    backend,
    info: await backend.load({ bytes: new Uint8Array() }),
  });
}

test("two policies take turns in closed loop and no waypoint is missed", async (t) => {
  const figures = await swapInVirtualTime(3, 237);
  t.diagnostic(JSON.stringify(figures));
  assert.ok(figures.swaps >= 20, `${figures.swaps} swaps`);
  assert.equal(figures.missedWaypoints, 0);
  assert.ok(figures.successes >= 2, `${figures.successes} of ${figures.episodes} episodes`);
});

test("the policy before is asked no more, in any state of the loop", async () => {
  const robot = await TinyLoop.create();
  const first = robot.loop.slot.policy;
  const second = await createPolicy();
  assert.equal(robot.loop.slot.replace(second), first);
  await robot.loop.start();
  await robot.run(500);
  assert.equal(first.inferenceMs.count, 0);
  const before = second.inferenceMs.count;
  assert.ok(before > 0);
  const third = await createPolicy();
  robot.loop.slot.replace(third);
  await robot.run(2);
  const asked = second.inferenceMs.count;
  await robot.run(500);
  assert.equal(second.inferenceMs.count, asked);
  assert.ok(third.inferenceMs.count > 0);
  assert.equal(robot.loop.counters.starvations, 0);
});

test("a policy that sees, commands or times anything else is refused and changes nothing", async () => {
  const slot = new PolicySlot(await createPolicy());
  const { policy } = slot;
  const { joints } = tinyManifest.action;
  const others = [
    { ...tinyManifest, policy: { ...tinyManifest.policy, dtMs: 40 } },
    { ...tinyManifest, action: { ...tinyManifest.action, joints: joints.toReversed() } },
    { ...tinyManifest, noise: { ...tinyManifest.noise, input: "other" } },
  ];
  for (const manifest of others) {
    const other = await createPolicy(manifest);
    assert.throws(() => slot.replace(other), /BUNDLE_REFUSED/);
    assert.equal(slot.policy, policy);
  }
});

import assert from "node:assert/strict";
import { readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { ManualClock } from "omp-edge/testing";

import { BundleServer } from "../../firmware-bridge/src/fleet/rollout/bundle-server.ts";
import { RolloutRobot, type RolloutRobotOptions } from "../support/rollout-robot.ts";
import { type PackedBundle, SignedBundles } from "../support/signed-bundles.ts";

const bundles = await SignedBundles.create();
const server = await BundleServer.start();
const first = await bundles.pack({ version: "1.0.0" });
const clock = new ManualClock(1000);
const robots: RolloutRobot[] = [];
after(async () => {
  await Promise.all(robots.map((robot) => whileTimePasses(robot.close())));
  await server.close();
  await bundles.remove();
});

async function startRobot(
  name: string,
  options: Partial<RolloutRobotOptions> = {},
): Promise<RolloutRobot> {
  const directory = join(bundles.folder, name);
  const { trusted } = bundles;
  const robot = await RolloutRobot.open({
    clock,
    directory,
    trusted,
    firstBundle: first,
    ...options,
  });
  robots.push(robot);
  await whileTimePasses(robot.loop.start());
  await pass(3000);
  return robot;
}

async function pass(ms: number): Promise<void> {
  for (let step = 0; step < ms; step += 1) {
    clock.advanceBy(1);
    for (const { loop } of robots) await loop.settled();
    await new Promise(setImmediate);
  }
}

async function whileTimePasses<T>(promise: Promise<T>): Promise<T> {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  while (!state.isSettled) await pass(1);
  return promise;
}

async function update(robot: RolloutRobot, { hash, file }: PackedBundle): Promise<string[]> {
  const phases: string[] = [];
  const url = server.add(hash, file);
  await whileTimePasses(
    robot.updater.load({ bundleHash: hash, url }, (phase) => phases.push(phase)),
  );
  return phases;
}

test("a good bundle goes through every phase, is committed, and a start runs it", async () => {
  const robot = await startRobot("good");
  const next = await bundles.pack({ version: "1.1.0", gain: 0.0006 });
  const sentBefore = robot.loop.counters.trajectoriesSent;
  assert.deepEqual(await update(robot, next), [
    "downloading",
    "verified",
    "warmed",
    "shadow_checked",
    "active",
  ]);
  assert.equal(robot.store.slots.committed, next.hash);
  assert.equal(robot.store.slots.fallback, first.hash);
  assert.deepEqual(robot.updater.report.last, { hash: next.hash, outcome: "healthy", detail: "" });
  assert.equal(robot.loop.slot.policy.manifest.bundleVersion, "1.1.0");
  assert.ok(robot.loop.counters.trajectoriesSent > sentBefore);
  const { rowsSkipped, chunksLate, instantsMissed } = robot.loop.stages?.scheduler.counters ?? {};
  assert.deepEqual([rowsSkipped, chunksLate, instantsMissed], [0, 0, 0]);
  assert.equal(robot.loop.counters.starvations, 0);

  const again = await startRobot("good");
  assert.equal(again.loop.slot.policy.manifest.bundleVersion, "1.1.0");
  assert.deepEqual((await readdir(join(bundles.folder, "good", "incoming"))).length, 0);
});

test("a bundle that makes the guard work passes the shadow check and is rolled back by the health gate", async () => {
  const robot = await startRobot("jittery");
  const bad = await bundles.pack({ version: "2.0.0", gain: 0.1 });
  await assert.rejects(update(robot, bad), /BUNDLE_REFUSED.*trial.*clamped/);
  assert.equal(robot.loop.slot.policy.manifest.bundleVersion, "1.0.0");
  assert.equal(robot.store.slots.committed, first.hash);
  assert.equal(robot.store.slots.last?.outcome, "rolled_back");
  assert.equal(robot.loop.state, "running");
});

test("a bundle whose answers are far off never acts", async () => {
  const robot = await startRobot("wild");
  const wild = await bundles.pack({ version: "2.0.0", gain: 2 });
  await assert.rejects(update(robot, wild), /BUNDLE_REFUSED.*shadow/);
  assert.equal(robot.store.slots.last?.outcome, "refused");
  assert.equal(robot.store.slots.trial, "");
});

test("a bundle that computes for too long is rolled back", async () => {
  const robot = await startRobot("slow", { health: { maxInferenceMs: 0 } });
  const next = await bundles.pack({ version: "1.1.1" });
  await assert.rejects(update(robot, next), /BUNDLE_REFUSED.*trial.*inference took/);
  assert.equal(robot.store.slots.committed, first.hash);
});

test("a fault during the trial rolls back and stays latched", async () => {
  const robot = await startRobot("faulted");
  const next = await bundles.pack({ version: "1.2.0" });
  const updating = robot.updater.load({
    bundleHash: next.hash,
    url: server.add(next.hash, next.file),
  });
  updating.catch(() => undefined);
  while (robot.updater.report.phase !== "active") await pass(1);
  robot.loop.emergencyStop();
  await assert.rejects(whileTimePasses(updating), /emergencyStop/);
  assert.equal(robot.loop.state, "faulted");
  assert.equal(robot.loop.slot.policy.manifest.bundleVersion, "1.0.0");
  assert.equal(robot.store.slots.committed, first.hash);
});

test("a lower version is refused unless its signer allows the way back; the one before may always come back", async () => {
  const robot = await startRobot("downgrade");
  const second = await bundles.pack({ version: "1.10.0" });
  await update(robot, second);
  const older = await bundles.pack({ version: "1.9.0" });
  await assert.rejects(update(robot, older), /BUNDLE_REFUSED.*go back/);
  const equal = await bundles.pack({ version: "1.10.0", gain: 0.0004 });
  await assert.rejects(update(robot, equal), /BUNDLE_REFUSED.*go back/);
  await update(robot, first);
  assert.equal(robot.store.slots.committed, first.hash);
  await assert.rejects(update(robot, older), /BUNDLE_REFUSED.*go back/);
  const allowed = await bundles.pack({ version: "1.9.0", gain: 0.0004 }, true);
  await update(robot, allowed);
  assert.equal(robot.loop.slot.policy.manifest.bundleVersion, "1.9.0");
});

test("a bundle of other joints, one that is not signed by a trusted key and one that is another are refused", async () => {
  const robot = await startRobot("foreign");
  const slower = await bundles.pack({
    version: "3.0.0",
    change: (manifest) => {
      manifest["policy"] = { ...Object(manifest["policy"]), n_action_steps: 3 };
    },
  });
  await assert.rejects(update(robot, slower), /BUNDLE_REFUSED.*timing/);
  const strangers = await SignedBundles.create();
  await assert.rejects(update(robot, await strangers.pack({ version: "3.0.0" })), /UNTRUSTED/);
  await strangers.remove();
  const good = await bundles.pack({ version: "3.0.0" });
  await assert.rejects(update(robot, { hash: "0".repeat(64), file: good.file }), /HASH_MISMATCH/);
  assert.equal(robot.store.slots.committed, first.hash);
});

test("a robot that stands still is not judged by nothing", async () => {
  const robot = await startRobot("still", { shadow: { minObservations: 1000 } });
  const next = await bundles.pack({ version: "1.3.0" });
  await assert.rejects(update(robot, next), /observations are recorded/);
});

test("old bundles are collected, the committed one and the one before never", async () => {
  const robot = await startRobot("collect");
  for (const version of ["2.0.0", "2.1.0", "2.2.0"])
    await update(robot, await bundles.pack({ version }));
  const { committed, fallback } = robot.store.slots;
  const left = await readdir(join(bundles.folder, "collect", "bundles"));
  assert.deepEqual(left.toSorted(), [committed, fallback].toSorted());
});

test("a damaged committed bundle is told from a whole one, and the one before runs", async () => {
  const robot = await startRobot("damaged");
  const next = await bundles.pack({ version: "1.4.0" });
  await update(robot, next);
  const folder = join(bundles.folder, "damaged", "bundles", next.hash);
  await truncate(join(folder, "policy.fp32.onnx"), 100);
  const again = await startRobot("damaged");
  assert.equal(again.loop.slot.policy.manifest.bundleVersion, "1.0.0");
  assert.equal(again.store.slots.committed, first.hash);
  await rm(join(bundles.folder, "damaged"), { recursive: true });
});

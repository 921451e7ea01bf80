import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";

import { repositoryPath } from "../support/repository.ts";
import { RolloutFleet } from "../support/rollout-fleet.ts";
import { SignedBundles } from "../support/signed-bundles.ts";

const ids = ["arm-1", "arm-2", "arm-3", "arm-4", "arm-5", "arm-6"];
const fleet = await RolloutFleet.start([ids.slice(0, 1), ids.slice(1)]);
after(() => fleet.close());

const outcomes = (robots: ReadonlyMap<string, string>): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const one of robots.values()) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
};

test("a good bundle reaches every robot, wave by wave, the canary group first", async () => {
  const good = await fleet.bundles.pack({ version: "1.1.0", gain: 0.0006 });
  const firstAsked = new Map<string, number>();
  const result = await fleet.rollOut(good, {
    canaryGroup: "group-0",
    percents: [50, 100],
    onProgress: ({ robotId, wave }) => {
      if (!firstAsked.has(robotId)) firstAsked.set(robotId, wave);
    },
  });
  assert.equal(result.outcome, "complete", result.cause);
  assert.deepEqual(outcomes(result.robots), { healthy: 6 });
  await fleet.until(() => fleet.running(good.hash).length === 6);
  assert.equal(firstAsked.get("arm-1"), 1);
  const waves = [...firstAsked.values()].toSorted((a, b) => a - b);
  assert.deepEqual(waves, [1, 2, 2, 3, 3, 3]);

  const again = await fleet.rollOut(good, { percents: [100] });
  assert.deepEqual([again.outcome, outcomes(again.robots)], ["complete", { healthy: 6 }]);
});

test("a bad bundle stops at the canary, which goes back by itself; asked again, nobody is tried", async () => {
  const before = fleet.operator.watch.robot("arm-1")?.bundle?.committed;
  const bad = await fleet.bundles.pack({ version: "1.2.0", gain: 0.1 });
  const result = await fleet.rollOut(bad, { canaryGroup: "group-0" });
  assert.equal(result.outcome, "rolled_back");
  assert.match(result.cause, /arm-1: .*clamped/);
  assert.deepEqual(outcomes(result.robots), { failed: 1, untouched: 5 });
  await fleet.until(() => fleet.operator.watch.robot("arm-1")?.bundle?.phase === "idle");
  assert.deepEqual(fleet.touched(bad.hash), ["arm-1"]);
  assert.equal(fleet.running(before ?? "").length, 6);

  const again = await fleet.rollOut(bad, { canaryGroup: "group-0" });
  assert.match(again.cause, /rolled_back before/);
  assert.deepEqual(fleet.touched(bad.hash), ["arm-1"]);
});

test("a fault after the trial takes the bundle back from every robot that keeps it", async () => {
  const before = fleet.operator.watch.robot("arm-2")?.bundle?.committed ?? "";
  const next = await fleet.bundles.pack({ version: "1.3.0", gain: 0.0004 });
  const result = await fleet.rollOut(next, {
    group: "group-1",
    percents: [60, 100],
    soakMs: 20_000,
    onProgress: ({ robotId, outcome, wave }) => {
      const isFirst = wave === 1 && outcome === "healthy" && stopped === undefined;
      if (isFirst) {
        stopped = robotId;
        void fleet.operator.stop(robotId);
      }
    },
  });
  assert.equal(result.outcome, "rolled_back");
  assert.match(result.cause, new RegExp(`^${stopped}: EMERGENCY_STOP`, "i"));
  assert.deepEqual(outcomes(result.robots), { returned: 3, untouched: 2 });
  await fleet.until(() => fleet.running(before).length === 6);
});
let stopped: string | undefined;

test("a rollout that is interrupted goes on where it stopped", async () => {
  const next = await fleet.bundles.pack({ version: "1.4.0", gain: 0.0003 });
  const controller = new AbortController();
  const options = { group: "group-1", percents: [20, 100], concurrency: 1 };
  const first = await fleet.rollOut(next, {
    ...options,
    signal: controller.signal,
    onProgress: ({ outcome }) => {
      if (outcome === "healthy") controller.abort();
    },
  });
  assert.equal(first.outcome, "interrupted");
  assert.equal(outcomes(first.robots)["healthy"], 1);
  assert.ok((outcomes(first.robots)["untouched"] ?? 0) >= 3);
  // The one that was stopped in the test before stands still and cannot prove anything.
  const rest = await fleet.rollOut(next, options);
  assert.equal(rest.outcome, "incomplete", rest.cause);
  assert.deepEqual(outcomes(rest.robots), { healthy: 4, faulted: 1 });
});

test("omp fleet rollout serves a bundle, tells its progress as JSON and refuses one of a stranger", async () => {
  const { hash, file } = await fleet.bundles.pack({ version: "1.5.0", gain: 0.0002 });
  const trust = join(fleet.bundles.folder, "fleet.pub");
  await writeFile(trust, fleet.bundles.pair.publicPem);
  const run = async (...more: readonly string[]): Promise<{ status: unknown; out: string }> => {
    const program = repositoryPath("dist/sdk/cli/omp.js");
    const broker = ["--broker", fleet.broker.directUrl, "--serve", "127.0.0.1:0", "--json"];
    const args = [program, "fleet", "rollout", file, ...broker, "--soak", "0", ...more];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
    let out = "";
    child.stdout.on("data", (text: Buffer) => {
      out += text.toString();
    });
    const [status]: unknown[] = await once(child, "close");
    return { status, out };
  };
  const { status, out } = await run("--trust", trust, "--group", "group-0");
  const lines = out.trim().split("\n");
  const last: Record<string, unknown> = JSON.parse(lines.at(-1) ?? "{}");
  assert.deepEqual(
    [status, last["result"], last["robots"]],
    [0, "complete", { "arm-1": "healthy" }],
  );
  assert.ok(lines.some((line) => line.includes('"detail":"shadow_checked"')));
  assert.deepEqual(fleet.running(hash), ["arm-1"]);

  const strangers = await SignedBundles.create();
  await writeFile(trust, strangers.pair.publicPem);
  assert.equal((await run("--trust", trust)).status, 1);
  await strangers.remove();
});

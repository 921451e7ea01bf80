import assert from "node:assert/strict";
import { test } from "node:test";

import { sleepUntil } from "../../sdk/src/clock.ts";
import { FaultReason } from "../../sdk/src/faults.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { firmwareMissing, PtyRobot } from "../support/pty-robot.ts";
import { repositoryPath } from "../support/repository.ts";

const FIRMWARE_FAULT_MODE = 3;
const LEASE_FAULT = 0x01;

test(
  "a cable pulled in an episode: the arm holds, the fault is named, nothing old arrives, rearm goes on",
  { skip: firmwareMissing },
  async () => {
    const policy = await loadPolicy(repositoryPath("models/bundles/so101-push"));
    const robot = await PtyRobot.start(policy);
    const { arm, loop, clock } = robot;
    try {
      await robot.beginEpisode(0);
      assert.ok(await robot.until(() => loop.counters.trajectoriesSent >= 2, 5000));
      await arm.control("unplug");
      assert.ok(await robot.until(() => loop.state === "faulted", 5000), loop.state);
      assert.equal(loop.fault?.reason, FaultReason.LinkLost);
      assert.match(loop.fault.detail, /unplugged/);

      assert.ok(
        await until(async () => (await arm.control("counters"))["mode"] === FIRMWARE_FAULT_MODE),
      );
      assert.equal((await arm.control("counters"))["fault"], LEASE_FAULT);
      await sleepUntil(clock, clock.nowMs() + 300);
      const before = await robot.audit();
      await sleepUntil(clock, clock.nowMs() + 300);
      const after = await robot.audit();
      assert.ok(after.samples > before.samples);
      assert.equal(after.movingSamples, before.movingSamples, "the arm moved while unplugged");

      await arm.control("replug");
      await loop.rearm();
      assert.equal(loop.fault, undefined);
      assert.ok(await robot.until(() => arm.camera.latest?.hasSucceeded === true, 15_000));
      const line = await arm.control("rxlog");
      assert.equal(line["stale_bytes"], 0);
      assert.equal(line["has_hello"], true);
      const audit = await robot.audit();
      assert.equal(audit.mismatches, 0, audit.firstMismatch);
    } finally {
      await robot.close();
      await policy.close();
    }
  },
);

async function until(condition: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (await condition()) return true;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  return false;
}

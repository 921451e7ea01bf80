import assert from "node:assert/strict";
import { test } from "node:test";

import { createRandom } from "../../sdk/src/random.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { blockAtRandom, firmwareMissing, PtyRobot } from "../support/pty-robot.ts";
import { repositoryPath } from "../support/repository.ts";

test(
  "the executed path equals the reference of what was admitted while the host is blocked for up to 60 ms",
  { skip: firmwareMissing },
  async (t) => {
    const policy = await loadPolicy(repositoryPath("models/bundles/so101-push"));
    // A shared machine may add to the blocks; the lease is not what is tested here.
    const robot = await PtyRobot.start(policy, { leaseMs: 1000 });
    const random = createRandom(1);
    const stopBlocking = blockAtRandom(() => random.uniform(0, 1));
    try {
      for (let seed = 0; seed < 2; seed += 1) {
        await robot.beginEpisode(seed);
        await robot.until(
          () => robot.arm.camera.latest?.hasSucceeded === true || robot.loop.fault !== undefined,
          10_000,
        );
      }
      const audit = await robot.audit();
      t.diagnostic(`${audit.samples} ticks, ${audit.chunks} chunks, ${stopBlocking()} blocks`);
      assert.equal(audit.mismatches, 0, audit.firstMismatch);
      assert.ok(audit.movingSamples > 1000, `the arm moved in ${audit.movingSamples} ticks only`);
      assert.ok(audit.chunks > 5, `${audit.chunks} chunks`);
    } finally {
      stopBlocking();
      await robot.close();
      await policy.close();
    }
  },
);

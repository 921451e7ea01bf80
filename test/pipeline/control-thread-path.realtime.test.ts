import assert from "node:assert/strict";
import { test } from "node:test";

import { createRandom } from "../../sdk/src/random.ts";
import { blockAtRandom, firmwareMissing } from "../support/pty-robot.ts";
import { ThreadedRobot } from "../support/threaded-robot.ts";

test(
  "a control thread's path equals the reference and misses no waypoint while this thread is blocked and collects garbage",
  { skip: firmwareMissing },
  async (t) => {
    // A shared machine may add to the blocks; the lease is not what is tested here.
    const robot = await ThreadedRobot.start({ leaseMs: 1000, tickHz: 250 });
    const random = createRandom(1);
    const stopBlocking = blockAtRandom(() => random.uniform(0, 1), {
      maxMs: 200,
      makeGarbage: true,
    });
    try {
      for (let seed = 0; seed < 3; seed += 1) {
        await robot.runEpisode(seed, 10_000);
        await robot.thread.pause();
      }
      const { counters, tickLatenessMs } = robot.thread.figures;
      const audit = await robot.audit();
      t.diagnostic(
        `${stopBlocking()} blocks, ${audit.chunks} chunks, ${counters.ticks} ticks, at most ${tickLatenessMs.maxMs} ms late`,
      );
      assert.equal(robot.thread.fault, undefined);
      assert.equal(audit.mismatches, 0, audit.firstMismatch);
      assert.equal(robot.missedWaypoints, 0);
      assert.ok(audit.movingSamples > 1000, `the arm moved in ${audit.movingSamples} ticks only`);
      assert.ok(audit.chunks > 8, `${audit.chunks} chunks`);
    } finally {
      stopBlocking();
      await robot.close();
    }
  },
);

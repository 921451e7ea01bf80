import assert from "node:assert/strict";
import { test } from "node:test";

import { createRandom, type HandoverOptions, sleepUntil } from "omp-edge";

import { evaluateRows, TinyLoop } from "./tiny-loop.ts";

const ways: Readonly<Record<string, HandoverOptions>> = {
  "the default": {},
  replace: { strategy: "replace" },
  "a fade on a cubic, one joint snapped": { pointsPerStep: 5, snapJoints: ["elbow"] },
  ensemble: { strategy: "ensemble", ensembleRate: 2 },
  "an ensemble on a cubic": { strategy: "ensemble", pointsPerStep: 5 },
};

for (const [name, handover] of Object.entries(ways)) {
  test(`chunks that disagree and come late join without a refusal: ${name}`, async () => {
    const random = createRandom(7);
    const clockOf: { tiny?: TinyLoop } = {};
    let bias = 0;
    const graph = evaluateRows(([a, b], row) => [a + 0.01 * row + bias, b - 0.01 * row - bias]);
    const tiny = await TinyLoop.create({
      handover,
      evaluate: async (inputs, outputs) => {
        bias = random.uniform(-0.05, 0.05);
        const clock = clockOf.tiny?.clock;
        if (clock !== undefined) await sleepUntil(clock, clock.nowMs() + random.uniform(0, 100));
        await graph(inputs, outputs);
      },
    });
    clockOf.tiny = tiny;
    await tiny.loop.start();
    await tiny.run(6000);
    const { trajectoriesAccepted, trajectoriesRejected } = tiny.link.counters;
    assert.deepEqual(tiny.faults, []);
    assert.equal(trajectoriesRejected, 0);
    assert.equal(trajectoriesAccepted, tiny.loop.counters.trajectoriesSent);
    assert.ok(trajectoriesAccepted > 20, `${trajectoriesAccepted} chunks`);
    assert.equal(tiny.loop.counters.starvations, 0);
    assert.ok((tiny.loop.stages?.scheduler.counters.rowsSkipped ?? 0) > 5);
  });
}

test("a hand-over that does not fit the policy is refused when the loop is made", async () => {
  await assert.rejects(TinyLoop.create({ handover: { snapJoints: ["gripper"] } }), {
    code: "INVALID_ARGUMENT",
    message: /snapJoints names no joint.*gripper/,
  });
});

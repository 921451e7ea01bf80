import assert from "node:assert/strict";
import { test } from "node:test";

import { TrajectoryReference } from "../../firmware-bridge/src/protocol/trajectory-reference.ts";
import { eventsAt, offsetOf, replayScenario } from "./core-replay.ts";
import { trajectoryVectors, type Scenario } from "./vectors.ts";
import { committedCore } from "./wasm-controller.ts";

const { tick_hz, joints, scenarios } = trajectoryVectors;

const referenceJoints = joints.map((joint) => ({
  minPosition: joint.min_position,
  maxPosition: joint.max_position,
  maxAcceleration: joint.max_acceleration,
}));

/** Replays what the events did to the path; the staged rows of a chunk are those since its part 0. */
function replayOnReference(scenario: Scenario): number[][] {
  const reference = new TrajectoryReference(referenceJoints, tick_hz, 0, scenario.start_position);
  let staged: number[][] = [];
  return scenario.commands.map((_, i) => {
    const now = i + 1;
    reference.advanceTo(now);
    const command = [...reference.command];
    for (const event of eventsAt(scenario, now)) {
      if (event.kind === "traj") {
        if (event.part_index === 0) staged = [];
        staged.push(...event.rows.map((row) => [...row]));
      }
      if (event.effect === "enable" && event.kind === "enable") {
        reference.enable(now, event.measured);
      } else if (event.effect === "commit" && event.kind === "traj") {
        const t0 = offsetOf(scenario, event.t0);
        reference.commit(now, t0, event.dt, Int32Array.from(staged.flat()));
      } else if (event.effect === "brake") {
        reference.brake(now);
      }
    }
    return command;
  });
}

test("the scenarios hold every refusal and every kind of stop", () => {
  const all = scenarios.flatMap(({ events }) => events);
  const trajCodes = new Set(all.filter(({ kind }) => kind === "traj").map(({ ack }) => ack));
  assert.deepEqual(
    [...trajCodes].sort((a, b) => Number(a) - Number(b)),
    [0, 1, 2, 3, 4, 6],
  );
  const stops = new Set(all.filter(({ effect }) => effect === "brake").map(({ kind }) => kind));
  assert.deepEqual([...stops].sort(), ["disable", "estop", "hold", "new_session"]);
  const wraps = scenarios.filter((s) => s.start_tick + s.commands.length > 2 ** 32);
  assert.ok(wraps.length >= 2);
});

for (const scenario of scenarios) {
  test(`trajectory: ${scenario.name}`, async (t) => {
    await t.test("TypeScript reference", () => {
      const commands = replayOnReference(scenario);
      for (const [i, expected] of scenario.commands.entries()) {
        assert.deepEqual(commands[i], expected, `tick ${i + 1}`);
      }
    });
    await t.test("C core", () => replayScenario(committedCore, scenario));
  });
}

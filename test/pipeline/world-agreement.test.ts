import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import loadMujoco from "@mujoco/mujoco";

import {
  createPushWorld,
  type PushWorld,
  type PushWorldConfig,
} from "../../sdk/src/testing/push-world.ts";
import { needsPython, runPythonFile } from "../python/python.ts";
import { repositoryPath } from "../support/repository.ts";

/** What test/python/record_push_episodes.py writes. */
interface Recording {
  readonly mujoco: string;
  readonly episodes: readonly {
    readonly seed: number;
    readonly actions: readonly (readonly number[])[];
    readonly states: readonly (readonly number[])[];
    readonly contact_steps: number;
    readonly success: boolean;
  }[];
}

const worldFolder = repositoryPath("models", "worlds", "push");
const config: PushWorldConfig = JSON.parse(readFileSync(`${worldFolder}/world.json`, "utf8"));
const sceneXml = readFileSync(`${worldFolder}/scene.xml`, "utf8");
const mujoco = await loadMujoco();

function createWorld(): PushWorld {
  return createPushWorld({ mujoco, sceneXml, world: config });
}

/** Joints, joint velocities, object, goal: a row of the recording. */
function readState(world: PushWorld, out: Float64Array): void {
  world.readJoints(out.subarray(0, 6));
  world.readVelocities(out.subarray(6, 12));
  world.readObject(out, 12);
  world.readGoal(out, 14);
}

function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  let max = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = Math.abs((a[i] ?? 0) - (b[i] ?? 0));
    if (!(difference <= max)) max = difference;
  }
  return max;
}

test("the Python and the TypeScript world go the same way", needsPython, async (t) => {
  const seeds = ["0", "1", "7", "12345"];
  const recording: Recording = JSON.parse(await runPythonFile("record_push_episodes.py", ...seeds));
  assert.equal(recording.mujoco, mujoco.mj_versionString());
  const world = createWorld();
  const state = new Float64Array(16);
  let overall = 0;
  for (const { seed, actions, states, contact_steps, success } of recording.episodes) {
    world.reset(seed);
    readState(world, state);
    assert.deepEqual([...state], states[0], `seed ${seed} starts elsewhere`);
    let worst = 0;
    let contactSteps = 0;
    for (const [step, action] of actions.entries()) {
      assert.equal(world.isOver(), false, `seed ${seed} is over before step ${step}`);
      world.step(action);
      readState(world, state);
      worst = Math.max(worst, maxDifference(state, states[step + 1] ?? []));
      if (world.contacts > 0) contactSteps += 1;
    }
    t.diagnostic(
      `seed ${seed}: ${actions.length} steps, ${contact_steps} in contact, max |Δstate| ${worst.toExponential(2)}`,
    );
    assert.ok(contact_steps > 10, `seed ${seed} pushes nothing`);
    assert.equal(contactSteps, contact_steps);
    assert.equal(world.steps, actions.length);
    assert.equal(world.isSuccess(), success);
    assert.equal(world.isOver(), true);
    overall = Math.max(overall, worst);
  }
  world.dispose();
  assert.ok(overall <= 1e-6, `max |Δstate| is ${overall}`);
});

test("ticks of one millisecond make the same step as a ramped action", () => {
  const [byStep, byTick] = [createWorld(), createWorld()];
  const action = Float64Array.from(byStep.home, (position) => position + 0.1);
  byStep.reset(3);
  byTick.reset(3);
  byStep.step(action);
  for (let k = 1; k <= config.substeps; k += 1) {
    byTick.tick(
      byTick.home.map((start, i) => start + ((action[i] ?? 0) - start) * (k / config.substeps)),
    );
  }
  const [a, b] = [new Float64Array(16), new Float64Array(16)];
  readState(byStep, a);
  readState(byTick, b);
  assert.deepEqual(a, b);
  assert.equal(byTick.steps, 1);
  byStep.dispose();
  byTick.dispose();
});

test("object and goal move alone, to where a reset of the same seed puts them", () => {
  const [world, fresh] = [createWorld(), createWorld()];
  const target = Float64Array.from(world.home, (position) => position + 0.2);
  for (let i = 0; i < 20; i += 1) world.step(target);
  const [before, after, reset] = [16, 16, 16].map((length) => new Float64Array(length));
  assert.ok(before && after && reset);
  readState(world, before);
  world.placeObjectAndGoal(41);
  readState(world, after);
  fresh.reset(41);
  readState(fresh, reset);
  assert.deepEqual(after.subarray(0, 12), before.subarray(0, 12));
  assert.deepEqual(after.subarray(12), reset.subarray(12));
  assert.equal(world.steps, 0);
  assert.equal(world.isSuccess(), false);
  world.dispose();
  fresh.dispose();
});

test("a world survives the growth of the engine's memory", () => {
  const world = createWorld();
  const [before, after] = [new Float64Array(16), new Float64Array(16)];
  readState(world, before);
  const model = mujoco.MjModel.from_xml_string(sceneXml);
  const view: Float64Array = model.qpos0;
  const others: PushWorld[] = [];
  while (view.length > 0) others.push(createWorld());
  readState(world, after);
  assert.deepEqual(after, before);
  world.tick(world.home);
  for (const other of [world, ...others]) other.dispose();
  model.delete();
});

test("a scene or a vector that does not fit is refused by name", () => {
  const world = createWorld();
  assert.throws(() => world.step([0, 0]), { code: "INVALID_ARGUMENT", message: /2 values.*6/ });
  world.dispose();
  assert.throws(() => createPushWorld({ mujoco, sceneXml: "<mujoco/>", world: config }), {
    code: "INVALID_ARGUMENT",
    message: /shoulder_pan/,
  });
  assert.throws(
    () => createPushWorld({ mujoco, sceneXml: "<mujoco><bad/></mujoco>", world: config }),
    {
      code: "INVALID_ARGUMENT",
      message: /bad/,
    },
  );
});

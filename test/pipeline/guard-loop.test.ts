import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FaultReason, type GuardOptions, isOmpError } from "omp-edge";

import { ForwardKinematics } from "../../sdk/src/kinematics/forward-kinematics.ts";
import { parseRobotModel } from "../../sdk/src/kinematics/parse-robot-model.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import { createJointState } from "../../sdk/src/types.ts";
import { repositoryPath } from "../support/repository.ts";
import { VirtualRobot } from "../support/virtual-robot.ts";
import { TinyLoop, tinyManifest } from "./tiny-loop.ts";

const [firstJoint = "", secondJoint = ""] = tinyManifest.action.joints.map(({ name }) => name);
const guard = { limits: { [secondJoint]: { maxEffort: 2 } } };

test("an effort past its limit makes the arm hold, and go on when it is back", async () => {
  const tiny = await TinyLoop.create({ guard });
  await tiny.loop.start();
  await tiny.run(500);
  const { effort } = tiny.link.controller;
  effort.set([99, -3]);
  await tiny.run(20);
  effort.set([99, 0]);
  await tiny.run(100);
  assert.equal(
    tiny.loop.state,
    "running",
    "a short excess is none, and the other joint has no limit",
  );
  effort.set([0, -3]);
  await tiny.run(200);
  assert.equal(tiny.loop.state, "holding");
  const { command } = tiny;
  await tiny.run(100);
  assert.equal(tiny.command, command, "the arm rests");
  effort.fill(0);
  await tiny.run(300);
  assert.equal(tiny.loop.state, "running");
  assert.ok(tiny.command > command, "and goes on");
  assert.equal(tiny.loop.counters.limitHolds, 1);
  assert.deepEqual([...(tiny.loop.stages?.guard.measured.excesses.effort ?? [])], [0, 1]);
  assert.deepEqual(tiny.faults, []);
});

test("an effort that stays past its limit is a fault that names the joint", async () => {
  const tiny = await TinyLoop.create({ guard });
  await tiny.loop.start();
  await tiny.run(500);
  tiny.link.controller.effort.set([0, 2.5]);
  await tiny.run(1000);
  assert.equal(tiny.loop.fault?.reason, FaultReason.LimitExceeded);
  assert.match(
    tiny.loop.fault.detail,
    new RegExp(`${secondJoint} has an effort of 2.5, at most 2`),
  );
  tiny.link.controller.effort.fill(0);
  const rearming = tiny.loop.rearm();
  await tiny.run(300);
  await rearming;
  await tiny.run(300);
  assert.equal(tiny.loop.state, "running");
});

test("an excess ends a move to a pose", async () => {
  const tiny = await TinyLoop.create({ guard });
  await tiny.loop.start({ paused: true });
  const moving = assert.rejects(
    tiny.loop.moveTo([0.5, 0.5]),
    (error) => isOmpError(error, "LINK_REFUSED") && /effort of 3/.test(error.message),
  );
  await tiny.run(100);
  tiny.link.controller.effort.set([0, 3]);
  await tiny.run(300);
  await moving;
  assert.equal(tiny.loop.state, "holding");
  const { command } = tiny;
  assert.ok(command > 0 && command < 0.5, `it stopped on its way, at ${command}`);
  await tiny.run(300);
  assert.equal(tiny.command, command);
});

test("limits that fit no joint, or limit nothing, are refused before anything moves", async () => {
  const misspelt: NonNullable<GuardOptions["limits"]> = JSON.parse(
    `{"${firstJoint}": {"speed": 1}}`,
  );
  const cases = [
    [{ shin: { maxJerk: 1 } }, /no joint named shin/],
    [{ [firstJoint]: { maxJerk: Number.POSITIVE_INFINITY } }, /maxJerk of .* is no limit/],
    [{ [firstJoint]: { maxEffort: 0 } }, /maxEffort of .* is no limit/],
    [misspelt, /no limit of .* named speed/],
  ] as const;
  for (const [limits, message] of cases) {
    const tiny = await TinyLoop.create({ guard: { limits } });
    await assert.rejects(
      tiny.loop.start(),
      (error) => isOmpError(error, "INVALID_ARGUMENT") && message.test(error.message),
    );
    assert.equal(tiny.link.state, "idle");
  }
});

const bundle = repositoryPath("models/bundles/so101-push");
const model = parseRobotModel(readFileSync(repositoryPath("models/worlds/push/scene.xml"), "utf8"));

test("a policy that wants out of its workspace stays in it, on the real controller and in every millisecond", async (t) => {
  const policy = await loadPolicy(bundle);
  // The task needs 0.11 m to each side.
  const box = { min: [0.1, -0.03, 0], max: [0.3, 0.03, 0.3] } as const;
  const workspace = { model, frames: ["tool"], ...box };
  const robot = await VirtualRobot.start(policy, { loop: { guard: { workspace } } });
  const kinematics = new ForwardKinematics(model, policy.manifest.action.joints, ["tool"]);
  const state = createJointState(6);
  const point = new Float64Array(3);
  const low = [9, 9, 9];
  const high = [-9, -9, -9];
  for (const seed of [0, 1, 2, 3]) {
    await robot.settle(robot.loop.moveTo([0, -0.3, 0.4, 1.47, 0, 0]));
    await robot.arm.place(seed);
    robot.loop.restartEpisode({ seed });
    for (let ms = 0; ms < 3000; ms += 1) {
      await robot.pass(1);
      robot.link.readJointState(state);
      kinematics.locate(state.command, point);
      for (const [axis, value] of point.entries()) {
        low[axis] = Math.min(low[axis] ?? 0, value);
        high[axis] = Math.max(high[axis] ?? 0, value);
      }
    }
  }
  const { counters, stages } = robot.loop;
  t.diagnostic(
    `tool from y ${low[1]} to ${high[1]} m; ${stages?.guard.workspaceCuts} trajectories cut, ${counters.chunksOutside} refused`,
  );
  for (const axis of [0, 1, 2]) {
    assert.ok((low[axis] ?? -9) >= (box.min[axis] ?? 9), `axis ${axis} at ${low[axis]} m`);
    assert.ok((high[axis] ?? 9) <= (box.max[axis] ?? -9), `axis ${axis} at ${high[axis]} m`);
  }
  assert.ok((stages?.guard.workspaceCuts ?? 0) > 0, "the policy wanted out");
  assert.equal(robot.loop.fault, undefined);
  await assert.rejects(
    robot.settle(robot.loop.moveTo([1, -0.3, 0.4, 1.47, 0, 0])),
    (error) => isOmpError(error, "LINK_REFUSED") && /leave the workspace/.test(error.message),
  );
  await robot.close();
  await policy.close();
});

test("a command that the arm cannot follow is held back on the real controller", async () => {
  const policy = await loadPolicy(bundle);
  // A joint lags about 20 ms behind a moving command.
  const limits = { shoulder_pan: { maxFollowingError: 0.005 } };
  const robot = await VirtualRobot.start(policy, { loop: { guard: { limits } } });
  robot.loop.restartEpisode({ seed: 1 });
  let farthest = 0;
  const state = createJointState(6);
  for (let ms = 0; ms < 3000; ms += 1) {
    await robot.pass(1);
    robot.link.readJointState(state);
    farthest = Math.max(farthest, Math.abs((state.command[0] ?? 9) - (state.position[0] ?? 0)));
  }
  const { stages, counters } = robot.loop;
  assert.ok(counters.limitHolds > 0, "it held");
  assert.equal(counters.limitHolds, stages?.guard.measured.excesses.following_error[0]);
  assert.ok(farthest < 0.04, `${farthest} rad`);
  assert.equal(robot.loop.fault, undefined);
  await robot.close();
  await policy.close();
});

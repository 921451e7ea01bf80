import assert from "node:assert/strict";
import { test } from "node:test";

import type { FailAction } from "../../firmware-bridge/src/serial.ts";
import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { WasmArm } from "../../firmware-bridge/src/testing/wasm-arm.ts";
import { createJointState, createTrajectory } from "../../sdk/src/types.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";
import { repositoryPath } from "../support/repository.ts";

const worldDirectory = repositoryPath("models/worlds/push");
const jointCount = 6;
/** rad/s of the first joint when it is stopped. */
const speed = 1;
const dtMs = 20;

interface Stop {
  /** How far the joint went on after an emergency stop, rad. */
  readonly travel: number;
  /** How far from its command it ended, rad. */
  readonly off: number;
}

/** Stops the turning first joint, whose fail action is given, in a world without gravity. */
async function stopWith(failAction: FailAction): Promise<Stop> {
  const time = new VirtualTime();
  const arm = await WasmArm.start({ clock: time.clock, worldDirectory });
  const { openTransport } = arm;
  const link = new ControllerLink({ name: "wasm arm", clock: time.clock, openTransport });
  await time.run(link.connect());
  await time.run(link.writeParameters({ joints: { shoulder_pan: { failAction } } }));
  await time.run(link.arm(1000));
  const state = createJointState(jointCount);
  link.readJointState(state);
  const trajectory = createTrajectory(40, jointCount);
  Object.assign(trajectory, { id: 1, startAtMs: time.clock.nowMs() + 50, dtMs, count: 40 });
  for (let i = 0; i < trajectory.positions.length; i++) {
    const joint = i % jointCount;
    const travelled = joint === 0 ? speed * (dtMs / 1000) * (Math.floor(i / jointCount) + 1) : 0;
    trajectory.positions[i] = (state.command[joint] ?? 0) + travelled;
  }
  assert.ok(link.send(trajectory));
  await time.pass(500);
  link.readJointState(state);
  const stoppedAt = state.position[0] ?? 0;
  link.emergencyStop();
  await time.pass(400);
  assert.equal(link.state, "faulted");
  link.readJointState(state);
  const [position = 0, command = 0] = [state.position[0], state.command[0]];
  await time.run(link.close());
  await arm.close();
  return { travel: position - stoppedAt, off: Math.abs(position - command) };
}

test("in a fault a joint that holds brakes to its command, a damped one stops, a released one coasts", async () => {
  const held = await stopWith("hold");
  assert.ok(held.off < 0.002 && held.travel > 0 && held.travel < 0.1, JSON.stringify(held));
  const damped = await stopWith("damp");
  assert.ok(damped.travel > 0 && damped.travel < 0.1, JSON.stringify(damped));
  assert.ok(damped.off > 0.01, `nothing pulls it to its command: ${JSON.stringify(damped)}`);
  const released = await stopWith("release");
  assert.ok(released.travel > 0.25, JSON.stringify(released));
});

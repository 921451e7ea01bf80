import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { openSerialTransport } from "../../firmware-bridge/src/transport/serial-transport.ts";
import { sleepUntil } from "../../sdk/src/clock.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { createJointState, createTrajectory, type JointState } from "../../sdk/src/types.ts";
import { QemuBoard } from "../support/qemu-board.ts";
import { missingTools } from "./tools.ts";

const skip = missingTools(["make", "arm-none-eabi-gcc", "qemu-system-arm"]);
/** The longest one: the emulator shares a busy machine. */
const leaseMs = 1000;
const patienceMs = 20_000;
const count = 0.5e-6;

const clock = new MonotonicClock();
let board: QemuBoard | undefined;

before(async () => {
  if (skip === false) board = await QemuBoard.boot();
});
after(() => board?.close());

function createLink(): ControllerLink {
  const path = board?.path ?? "";
  return new ControllerLink({
    name: "mps2-an385",
    clock,
    openTransport: () => openSerialTransport({ clock, path }),
    handshakeTimeoutMs: patienceMs,
  });
}

async function until(link: ControllerLink, what: string, isTrue: () => boolean): Promise<void> {
  const deadlineMs = clock.nowMs() + patienceMs;
  while (!isTrue()) {
    assert.ok(clock.nowMs() < deadlineMs, `no ${what}; the link is ${link.state}`);
    link.heartbeat();
    await sleepUntil(clock, clock.nowMs() + 5);
  }
}

function read(link: ControllerLink): JointState {
  const state = createJointState(6);
  assert.ok(link.readJointState(state));
  return state;
}

/** Moves every joint by `distance` in 20 waypoints that end at rest; false when the lease of a stalled host ended it. */
async function moveBy(link: ControllerLink, distance: number): Promise<boolean> {
  await link.arm(leaseMs);
  const { command } = read(link);
  const trajectory = createTrajectory(21, 6);
  Object.assign(trajectory, { id: 7, startAtMs: clock.nowMs() + 300, dtMs: 20, count: 21 });
  for (let i = 0; i < trajectory.positions.length; i++) {
    const share = Math.min(Math.floor(i / 6) + 1, 20) / 20;
    trajectory.positions[i] = (command[i % 6] ?? 0) + share * distance;
  }
  assert.ok(link.send(trajectory));
  await until(link, "motion", () => link.state !== "armed");
  await until(link, "rest", () => link.state !== "moving");
  if (link.state === "faulted") {
    await link.clearFault();
    return false;
  }
  await until(link, "arrival", () => {
    const { position } = read(link);
    return position.every((at, joint) => {
      return Math.abs(at - (command[joint] ?? 0) - distance) < count;
    });
  });
  return true;
}

test(
  "the Cortex-M image boots, shakes hands and moves its joints to the last count",
  { skip },
  async () => {
    const link = createLink();
    const events: string[] = [];
    link.on("controllerEvent", ({ detail }) => events.push(detail));
    try {
      const description = await link.connect();
      assert.equal(description.joints.length, 6);
      assert.equal(description.joints[5]?.name, "gripper");
      await until(link, "reset event", () => events.length > 0);
      assert.deepEqual(events, ["the controller was reset by power-on"]);
      const start = read(link).position;
      assert.ok(Math.abs((start[4] ?? 0) - 0.05) < count, "joints start in the middle");
      let tries = 1;
      while (!(await moveBy(link, 0.2))) assert.ok(tries++ < 3, "the lease ended three times");
      assert.equal(link.counters.crcErrors, 0);
      assert.equal(link.counters.framesMalformed, 0);
    } finally {
      await link.close();
    }
  },
);

test(
  "a fail action lets one simulated joint fall and holds the others; it is kept",
  { skip },
  async () => {
    const link = createLink();
    try {
      await link.connect();
      await link.writeParameters({ joints: { elbow_flex: { failAction: "release" } } });
      await link.arm(leaseMs);
      link.emergencyStop();
      await until(link, "fault", () => link.state === "faulted");
      const { command } = read(link);
      await until(link, "fall", () => (read(link).position[2] ?? 0) < (command[2] ?? 0) - 0.2);
      for (const joint of [0, 1, 3, 4, 5]) {
        assert.ok(Math.abs((read(link).position[joint] ?? 0) - (command[joint] ?? 0)) < count);
      }
      await link.clearFault();
      const { joints } = await link.readParameters();
      assert.equal(joints[2]?.failAction, "release");
      await link.arm(leaseMs);
      await until(link, "hold where it was caught", () => {
        return (read(link).command[2] ?? 0) < (command[2] ?? 0) - 0.1;
      });
    } finally {
      await link.close();
    }
  },
);

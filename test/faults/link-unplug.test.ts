import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { SerialLink } from "../../firmware-bridge/src/serial.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { createJointState, createTrajectory, type Trajectory } from "../../sdk/src/types.ts";
import { PtyFirmware, ptyFirmwareSkip } from "../conformance/pty-firmware.ts";

const clock = new MonotonicClock();
const jointCount = 6;

/** A second of slow motion of the first joint from where it is, starting `leadMs` from now. */
function slowMotion(link: SerialLink, id: number, leadMs: number): Trajectory {
  const state = createJointState(jointCount);
  assert.ok(link.readJointState(state));
  const trajectory = createTrajectory(50, jointCount);
  trajectory.id = id;
  trajectory.startAtMs = clock.nowMs() + leadMs;
  trajectory.dtMs = 20;
  trajectory.count = 50;
  for (let i = 0; i < 50 * jointCount; i++) {
    const joint = i % jointCount;
    const row = Math.floor(i / jointCount);
    trajectory.positions[i] = (state.command[joint] ?? 0) + (joint === 0 ? (row + 1) * 0.002 : 0);
  }
  return trajectory;
}

async function until(
  what: string,
  isTrue: () => boolean,
  eachTurn = (): void => {},
): Promise<void> {
  const limitMs = clock.nowMs() + 10_000;
  while (!isTrue()) {
    assert.ok(clock.nowMs() < limitMs, `${what} in ten seconds`);
    eachTurn();
    await sleep(2);
  }
}

describe("the serial link to the host firmware", { skip: ptyFirmwareSkip ?? false }, () => {
  let firmware: PtyFirmware;
  let link: SerialLink;

  beforeEach(async () => {
    firmware = await PtyFirmware.start();
    link = new SerialLink({ clock, path: firmware.path });
    await link.connect();
    await link.arm(1000);
  });
  afterEach(async () => {
    await firmware.close();
    await link.close();
  });

  test("unplugged in motion, it writes nothing older than HELLO after the replug", async () => {
    const details: string[] = [];
    link.on("stateChanged", (state, detail) => details.push(`${state} ${detail}`));
    link.send(slowMotion(link, 1, 50));
    await until("motion", () => link.state === "moving");
    const stale = slowMotion(link, 2, 50);
    const unplugging = firmware.command("unplug");
    // Goes on sending as a control loop does that has not noticed yet.
    await until(
      "the close",
      () => link.state === "closed",
      () => {
        stale.startAtMs = clock.nowMs() + 50;
        link.send(stale);
        link.heartbeat();
      },
    );
    await unplugging;
    assert.match(details.at(-1) ?? "", /^closed .*controller.*(unplugged|cannot be written)/);
    await firmware.command("replug");
    assert.equal(link.send(stale), false);
    link.heartbeat();
    link.hold();
    await link.connect();
    await sleep(100);
    const log = await firmware.command("rxlog");
    assert.equal(log["has_hello"], true);
    assert.equal(log["stale_bytes"], 0);
    assert.ok(link.state === "idle" || link.state === "faulted", link.state);
  });

  test("a controller that stops reading neither blocks the host nor moves on what it missed", async () => {
    const before = createJointState(jointCount);
    assert.ok(link.readJointState(before));
    firmware.stall();
    const turns = { count: 0 };
    const endMs = clock.nowMs() + 1300;
    let dropped = 0;
    while (clock.nowMs() < endMs) {
      const trajectory = slowMotion(link, (turns.count++ % 100) + 1, 30);
      if (!link.send(trajectory)) dropped++;
      link.heartbeat();
      await sleep(2);
    }
    assert.ok(turns.count > 20, `${turns.count} turns while the controller was frozen`);
    assert.ok(dropped > 0, "what is outstanding is bounded");
    firmware.resume();
    await until("the fault of the lease or the close", () => {
      return link.state === "faulted" || link.state === "closed";
    });
    const counters = await firmware.command("counters");
    assert.equal(counters["fault"], 1, "LEASE");
    assert.equal(counters["chunks_committed"], 0);
  });

  test("a controller that was reset closes the link with that reason, and connect starts over", async () => {
    const details: string[] = [];
    link.on("stateChanged", (_state, detail) => details.push(detail));
    await firmware.command("reset");
    await until("the close", () => link.state === "closed");
    assert.match(details.at(-1) ?? "", /was reset/);
    await link.connect();
    assert.equal(link.state, "idle");
  });

  test("an emergency stop pressed at the controller reaches the host", async () => {
    link.send(slowMotion(link, 1, 50));
    await firmware.command("estop");
    await until("the fault", () => link.state === "faulted");
    await link.clearFault();
    assert.equal(link.state, "idle");
  });
});

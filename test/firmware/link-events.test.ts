import assert from "node:assert/strict";
import { test } from "node:test";

import type { ControllerEvent } from "../../firmware-bridge/src/controller-event.ts";
import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import { FirmwareCore } from "../../firmware-bridge/src/transport/firmware-core.ts";
import type { Transport } from "../../firmware-bridge/src/transport/transport.ts";
import { openWasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { createTrajectory } from "../../sdk/src/types.ts";
import { VirtualTime } from "../conformance/virtual-time.ts";

/** A link to the firmware core in virtual time; `measured` moves a joint from where it is commanded to. */
async function createRig(): Promise<{
  core: FirmwareCore;
  time: VirtualTime;
  link: ControllerLink;
  events: ControllerEvent[];
  details: string[];
  offset: number[];
  /** While it does not hear, what the host writes is lost. */
  line: { hears: boolean };
}> {
  const line = { hears: true };
  const core = await FirmwareCore.load();
  const offset = [0, 0, 0, 0, 0, 0];
  const time = new VirtualTime(() => {
    core.tick([...core.command].map((position, j) => position + (offset[j] ?? 0)));
  });
  const openTransport = async (): Promise<Transport> => {
    const transport = await openWasmTransport(core)();
    const write = transport.write.bind(transport);
    transport.write = (bytes, start, end) => !line.hears || write(bytes, start, end);
    return transport;
  };
  const link = new ControllerLink({ name: "wasm core", clock: time.clock, openTransport });
  const events: ControllerEvent[] = [];
  const details: string[] = [];
  link.on("controllerEvent", (event) => events.push(event));
  link.on("stateChanged", (_state, detail) => details.push(detail));
  await time.run(link.connect());
  return { core, time, link, events, details, offset, line };
}

async function passAlive(time: VirtualTime, link: ControllerLink, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    link.heartbeat();
    await time.pass(10);
  }
}

test("a reset is told once, to the first host", async () => {
  const { core, time, link, events } = await createRig();
  await time.pass(500);
  assert.deepEqual(
    events.map(({ kind, detail, lost }) => [kind, detail, lost]),
    [["reset", "the controller was reset by power-on", 0]],
  );
  core.unplug();
  await time.run(link.connect());
  await time.pass(300);
  assert.equal(events.length, 1);
});

test("an event whose acknowledgement is lost is told once", async () => {
  const { time, link, events, line } = await createRig();
  await time.run(link.arm(100));
  let received = 0;
  const stop = link.on("jointStateReceived", () => received++);
  line.hears = false;
  await time.pass(450);
  stop();
  assert.ok(received > 50);
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["reset", "fault"],
  );
  line.hears = true;
  await time.pass(250);
  await time.run(link.clearFault());
  await time.pass(20);
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["reset", "fault", "fault_cleared"],
  );
});

test("a fault comes with its joint and what was measured", async () => {
  const { time, link, events, details, offset } = await createRig();
  await time.run(link.arm(200));
  offset[2] = -612_000;
  await passAlive(time, link, 150);
  assert.equal(link.state, "faulted");
  const detail =
    "FOLLOWING_ERROR (a joint does not follow its command): elbow_flex, 0.612 rad behind";
  assert.equal(details.at(-1), detail);
  const fault = events.at(-1);
  assert.deepEqual([fault?.kind, fault?.joint, fault?.detail], ["fault", "elbow_flex", detail]);
  assert.ok(Math.abs((fault?.atMs ?? 0) - time.clock.nowMs()) < 150);
  offset[2] = 0;
  await time.run(link.clearFault());
  await time.pass(20);
  assert.equal(events.at(-1)?.kind, "fault_cleared");
});

test("a trajectory beyond a limit is told with the joint and what it asked for", async () => {
  const { time, link, events } = await createRig();
  await time.run(link.arm(1000));
  const trajectory = createTrajectory(1, 6);
  trajectory.id = 1;
  trajectory.startAtMs = time.clock.nowMs() + 100;
  trajectory.dtMs = 20;
  trajectory.count = 1;
  trajectory.positions[4] = 2.841;
  link.send(trajectory);
  await time.pass(20);
  assert.deepEqual(
    [events.at(-1)?.kind, events.at(-1)?.joint, events.at(-1)?.detail],
    ["limit", "wrist_roll", "a trajectory was refused: wrist_roll was asked for 2.841 rad"],
  );
});

test("what happened without a host is told to the next one, in order", async () => {
  const { core, time, link, events } = await createRig();
  await time.pass(50);
  await time.run(link.arm(100));
  core.unplug();
  await time.pass(300);
  await time.run(link.connect());
  assert.equal(link.state, "faulted");
  await time.pass(50);
  assert.deepEqual(
    events.map(({ kind, detail }) => [kind, detail]),
    [
      ["reset", "the controller was reset by power-on"],
      ["fault", "LEASE (the controller heard nothing from the host for a lease): 100 ms"],
    ],
  );
  assert.ok((events.at(-1)?.atMs ?? 0) < time.clock.nowMs() - 150, "when it happened");
});

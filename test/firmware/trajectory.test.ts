import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageType } from "../../firmware-bridge/src/protocol/constants.ts";
import { TrajectoryReference } from "../../firmware-bridge/src/protocol/trajectory-reference.ts";
import { trajectoryVectors, type Scenario, type TimelineEvent } from "./vectors.ts";
import { WasmController } from "./wasm-controller.ts";

const { tick_hz, ring_depth, lease_ms, heartbeat_every_ticks, joints, scenarios } =
  trajectoryVectors;

const referenceJoints = joints.map((joint) => ({
  minPosition: joint.min_position,
  maxPosition: joint.max_position,
  maxAcceleration: joint.max_acceleration,
}));

/** Ticks after the scenario's start. */
function offsetOf(scenario: Scenario, tick: number): number {
  return (tick - scenario.start_tick) >>> 0;
}

function eventsAt(scenario: Scenario, offset: number): readonly TimelineEvent[] {
  return scenario.events.filter(({ now }) => offsetOf(scenario, now) === offset);
}

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

/** Sends the event; the ACK's code and free waypoints, or undefined when there is no answer. */
function send(
  controller: WasmController,
  event: TimelineEvent,
): { code: number; freeWaypoints: number; mode: number } | undefined {
  switch (event.kind) {
    case "hold":
      return controller.request(MessageType.Hold);
    case "disable":
      return controller.request(MessageType.Disable);
    case "enable": {
      const ack = controller.enable({ leaseMs: lease_ms });
      controller.measured = undefined;
      return ack;
    }
    case "traj":
      return controller.traj({
        chunkId: event.chunk_id,
        partIndex: event.part_index,
        partCount: event.part_count,
        t0: event.t0,
        dt: event.dt,
        rows: event.rows,
      });
    case "clear_fault":
      return controller.clearFault(event.fault, event.fault_nonce);
    case "estop":
      controller.post(MessageType.Estop);
      return undefined;
    case "new_session":
      controller.hello(event.session_id);
      return undefined;
    case "measured":
      controller.measured = event.position;
      return undefined;
  }
}

async function replayOnCore(scenario: Scenario): Promise<void> {
  const controller = await WasmController.create();
  controller.measured = scenario.start_position;
  controller.now = scenario.start_tick;
  const modes = scenario.modes.flatMap(({ mode, ticks }) =>
    Array.from({ length: ticks }, () => mode),
  );
  assert.equal(modes.length, scenario.commands.length);
  for (const [i, expected] of scenario.commands.entries()) {
    const offset = i + 1;
    controller.tick();
    const place = `tick ${offset} of "${scenario.name}"`;
    assert.deepEqual(controller.command, expected, place);
    assert.equal(controller.mode, modes[i], place);
    if (offset === 1) {
      controller.measured = undefined;
      controller.hello(0x01020304);
    }
    if (offset % heartbeat_every_ticks === 0) controller.post(MessageType.Heartbeat);
    for (const event of eventsAt(scenario, offset)) {
      const ack = send(controller, event);
      const what = `${event.kind} at ${place}`;
      assert.equal(ack?.code ?? null, event.ack, what);
      assert.equal(controller.mode, event.mode, what);
      if (ack === undefined) continue;
      assert.equal(ack.mode, event.mode, what);
      assert.equal(ack.freeWaypoints, ring_depth - event.buffered, what);
    }
  }
  const kinds = { commit: 1, enable: 2, brake: 3 } as const;
  const expectedEvents = scenario.events
    .filter(({ effect }) => effect !== "nothing")
    .map(({ effect, now }) => ({ kind: effect === "nothing" ? 0 : kinds[effect], tick: now }));
  const seen = controller.events.map(({ kind, tick }) => ({ kind, tick }));
  assert.deepEqual(seen, expectedEvents, "what the observer was told");
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
    await t.test("C core", () => replayOnCore(scenario));
  });
}

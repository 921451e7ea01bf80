import assert from "node:assert/strict";

import { MessageType } from "../../firmware-bridge/src/protocol/constants.ts";
import {
  frameVectors,
  fromHex,
  toHex,
  trajectoryVectors,
  type Scenario,
  type StreamVector,
  type TimelineEvent,
} from "./vectors.ts";
import { WasmController } from "./wasm-controller.ts";

/** The golden vectors on the C core, given as the bytes of its WebAssembly module. */

const { ring_depth, lease_ms, heartbeat_every_ticks } = trajectoryVectors;

/** Ticks after the scenario's start. */
export function offsetOf(scenario: Scenario, tick: number): number {
  return (tick - scenario.start_tick) >>> 0;
}

export function eventsAt(scenario: Scenario, offset: number): readonly TimelineEvent[] {
  return scenario.events.filter(({ now }) => offsetOf(scenario, now) === offset);
}

/** What the core counts in a stream of the vectors' session. */
export async function replayStream(core: Uint8Array, stream: StreamVector): Promise<void> {
  const controller = await WasmController.enabled(1000, core);
  const before = controller.counters;
  controller.receive(fromHex(stream.wire));
  const after = controller.counters;
  assert.deepEqual(
    {
      frames: after.frames - before.frames,
      oversized: after.oversized - before.oversized,
      undersized: after.undersized - before.undersized,
      miscoded: after.miscoded - before.miscoded,
      crc_errors: after.crc_errors - before.crc_errors,
    },
    stream.counters,
    stream.name,
  );
}

/** Every byte the core answers. */
export async function replayConversation(core: Uint8Array): Promise<void> {
  const { boot_id, start_tick, measured, steps } = frameVectors.conversation;
  const controller = await WasmController.create(boot_id, core);
  controller.now = start_tick;
  controller.measured = measured;
  for (const { tick, why, wire, answers } of steps) {
    controller.tick(tick - controller.now);
    if (wire !== undefined) controller.receive(fromHex(wire));
    const expected = answers.map((answer) => answer.wire).join("");
    assert.equal(toHex(controller.takeWire()), expected, `tick ${tick}: ${why}`);
  }
  assert.equal(controller.counters.replayed, 2);
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
    default:
      controller.measured = event.position;
      return undefined;
  }
}

/** Every command, mode and answer of a scenario, and what the observer was told. */
export async function replayScenario(core: Uint8Array, scenario: Scenario): Promise<void> {
  const controller = await WasmController.create(1, core);
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

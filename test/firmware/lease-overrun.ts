import assert from "node:assert/strict";

import {
  AckCode,
  ControllerFault,
  ControllerMode,
  MessageType,
} from "../../firmware-bridge/src/protocol/constants.ts";
import { WasmController } from "./wasm-controller.ts";

/** How the last sign of life came. */
type Feed = "HEARTBEAT" | "TRAJ" | "ENABLE";

export interface LeaseReport {
  readonly runs: number;
  /** Most ticks from the end of a lease to the first one that brakes. */
  readonly overrunTicksMax: number;
  /** Fewest; negative would mean a lease that ended early. */
  readonly overrunTicksMin: number;
}

const leasesMs = [20, 21, 33, 50, 100, 137, 250, 499, 1000];
const feeds: readonly Feed[] = ["HEARTBEAT", "TRAJ", "ENABLE"];
const dtTicks = 20;
const waypoints = 60;
/** Counts a tick: 0.5 rad/s, a whole number on every segment. */
const speed = 500;

/**
 * Lets leases run out in the middle of a motion at constant speed, by the controller's own clock: for every length, kind of sign of life
 * and phase between the sign and the waypoints, also while the tick wraps.
 */
export async function measureLeaseOverrun(): Promise<LeaseReport> {
  const controller = await WasmController.create();
  const overruns: number[] = [];
  for (const leaseMs of leasesMs) {
    for (const feed of feeds) {
      for (let phase = 0; phase < dtTicks; phase++) {
        controller.bootEnabled(leaseMs);
        overruns.push(overrunOf(controller, leaseMs, feed, phase));
      }
    }
  }
  return {
    runs: overruns.length,
    overrunTicksMax: Math.max(...overruns),
    overrunTicksMin: Math.min(...overruns),
  };
}

/** Of a controller that was just enabled. */
function overrunOf(controller: WasmController, leaseMs: number, feed: Feed, phase: number): number {
  if (phase % 2 === 1) wrapDuring(controller, leaseMs);
  stream(controller, 1);
  // The motion begins dt before its first waypoint; then to the phase in a segment.
  keepAlive(controller, 2 * dtTicks + phase);
  const before = controller.command;
  feedOnce(controller, feed, leaseMs);
  const fedTick = controller.now;
  let last = before[0] ?? 0;
  for (;;) {
    controller.tick();
    const command = controller.command[0] ?? 0;
    const isBraking = command - last !== speed;
    last = command;
    const elapsed = (controller.now - fedTick) >>> 0;
    assert.ok(elapsed <= leaseMs + 10, `no brake ${elapsed} ticks after ${feed}`);
    if (!isBraking) continue;
    assert.equal(controller.fault, ControllerFault.Lease);
    return elapsed - leaseMs;
  }
}

/** Sets the tick so that it wraps while the lease runs; nothing has been planned yet. */
function wrapDuring(controller: WasmController, leaseMs: number): void {
  controller.now = 2 ** 32 - 3 * dtTicks - Math.floor(leaseMs / 2);
}

/** Waypoints of a constant speed for longer than every lease. */
function stream(controller: WasmController, chunkId: number): void {
  const start = controller.command;
  const rowsPerPart = 9;
  const rows = Array.from({ length: waypoints }, (_, i) => [
    (start[0] ?? 0) + speed * dtTicks * (i + 1),
    ...start.slice(1),
  ]);
  const t0 = (controller.now + dtTicks) >>> 0;
  const partCount = Math.ceil(waypoints / rowsPerPart);
  for (let partIndex = 0; partIndex < partCount; partIndex++) {
    const part = rows.slice(partIndex * rowsPerPart, (partIndex + 1) * rowsPerPart);
    const ack = controller.traj({ chunkId, partIndex, partCount, t0, dt: dtTicks, rows: part });
    assert.equal(ack.code, AckCode.Ok);
  }
  assert.equal(controller.mode, ControllerMode.Run);
}

function keepAlive(controller: WasmController, ticks: number): void {
  for (let i = 0; i < ticks; i++) {
    controller.post(MessageType.Heartbeat);
    controller.tick();
  }
}

function feedOnce(controller: WasmController, feed: Feed, leaseMs: number): void {
  if (feed === "HEARTBEAT") controller.post(MessageType.Heartbeat);
  else if (feed === "ENABLE") assert.equal(controller.enable({ leaseMs }).code, AckCode.Ok);
  else {
    // The next waypoint as it is, and all that follow it.
    stream(controller, 2);
  }
}

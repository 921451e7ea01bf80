import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { HostController } from "../../firmware-bridge/src/servo/host-controller.ts";
import { trajectoryVectors, type Scenario, type TimelineEvent } from "../firmware/vectors.ts";

const { ring_depth, lease_ms, heartbeat_every_ticks, scenarios } = trajectoryVectors;
const joints = trajectoryVectors.joints.map((joint) => ({
  minPosition: joint.min_position,
  maxPosition: joint.max_position,
  maxVelocity: joint.max_velocity,
  maxAcceleration: joint.max_acceleration,
}));
const verdictOfAck = ["accepted", "late", "limit", "full", "mode", "range"];
const ackRange = 6;

function createController(startPosition: ArrayLike<number>, maxGapTicks = 100): HostController {
  return new HostController(
    { joints, minLeadTicks: 2, maxLeadTicks: 2000, ringDepth: ring_depth, maxGapTicks },
    0,
    startPosition,
  );
}

/** Ticks after the scenario's start. */
function offsetOf(scenario: Scenario, tick: number): number {
  return (tick - scenario.start_tick) >>> 0;
}

/** Hands an event to the controller and checks its answer where it is one of the motion rules and not of the wire. */
function apply(
  controller: HostController,
  scenario: Scenario,
  event: TimelineEvent,
  staged: number[],
): void {
  const now = offsetOf(scenario, event.now);
  const place = `${event.kind} at tick ${now} of "${scenario.name}"`;
  switch (event.kind) {
    case "hold":
      controller.hold(now);
      break;
    case "disable":
    case "new_session":
      controller.disarm(now);
      break;
    case "estop":
      controller.latch(now, "ESTOP");
      break;
    case "clear_fault":
      controller.clearFault();
      break;
    case "enable": {
      const isArmed = controller.arm(now, lease_ms, event.measured);
      if (event.ack === 0 || event.ack === 4) assert.equal(isArmed, event.ack === 0, place);
      break;
    }
    case "traj": {
      if (event.part_index === 0) staged.length = 0;
      staged.push(...event.rows.flat());
      const isLast = event.part_index === event.part_count - 1;
      // RANGE is also said of parts that do not fit together, which do not exist here.
      if (!isLast || event.ack === null || event.ack === ackRange) break;
      const rows = Int32Array.from(staged);
      const verdict = controller.take(now, offsetOf(scenario, event.t0), event.dt, rows);
      assert.equal(verdict, verdictOfAck[event.ack], place);
      break;
    }
    case "measured":
      break;
  }
}

describe("HostController follows the golden trajectories of PROTOCOL.md", () => {
  for (const scenario of scenarios) {
    test(scenario.name, () => {
      const controller = createController(scenario.start_position);
      const staged: number[] = [];
      for (const [i, expected] of scenario.commands.entries()) {
        const now = i + 1;
        controller.serve(now);
        assert.deepEqual([...controller.command], [...expected], `tick ${now}`);
        if (now % heartbeat_every_ticks === 0) controller.heartbeat(now);
        for (const event of scenario.events) {
          if (offsetOf(scenario, event.now) === now) apply(controller, scenario, event, staged);
        }
      }
    });
  }
});

const start = [0, -300_000, 400_000, 1_470_000, 0, 0];

/** 20 waypoints, 20 ticks apart, of the first joint at 1 rad/s. */
function chunk(): Int32Array {
  const rows = new Int32Array(20 * start.length);
  for (let row = 0; row < 20; row++) {
    rows.set([20_000 * (row + 1), ...start.slice(1)], row * start.length);
  }
  return rows;
}

/** Where an arm comes to rest whose lease runs out in motion. */
function commandAfterLease(isStalled: boolean): readonly number[] {
  const controller = createController(start);
  assert.ok(controller.arm(0, 150, start));
  assert.equal(controller.take(0, 40, 20, chunk()), "accepted");
  for (let now = 10; now <= 140; now += 10) controller.serve(now);
  if (!isStalled) for (let now = 150; now < 220; now++) controller.serve(now);
  controller.serve(220);
  assert.equal(controller.state, "faulted");
  assert.match(controller.fault, /^LEASE/);
  controller.serve(300);
  return [...controller.command];
}

test("a lease that runs out in motion brakes at its own tick, however late that is noticed", () => {
  assert.deepEqual(commandAfterLease(true), commandAfterLease(false));
});

test("a heartbeat cannot renew a lease that has run out", () => {
  const controller = createController(start);
  controller.arm(0, 100, start);
  controller.heartbeat(101);
  assert.equal(controller.state, "faulted");
});

/** In motion since tick 20, 100 ticks in. */
function movingController(): HostController {
  const controller = createController(start, 60);
  controller.arm(0, 1000, start);
  controller.take(0, 40, 20, chunk());
  for (let now = 1; now <= 100; now++) controller.serve(now);
  return controller;
}

test("a host that was stalled in motion catches up within the gap and holds where it stopped beyond", () => {
  const short = movingController();
  short.serve(160);
  assert.equal(short.state, "moving");
  assert.equal(short.command[0], 140_000);

  const long = movingController();
  const stopped = [...long.command];
  long.heartbeat(161);
  assert.equal(long.state, "faulted");
  assert.match(long.fault, /^STALL .* 61 ms/);
  for (let now = 162; now < 400; now++) long.serve(now);
  assert.deepEqual([...long.command], stopped);
});

test("a stall at rest is no fault, and motion may begin right after it", () => {
  const controller = createController(start, 60);
  controller.arm(0, 1000, start);
  controller.serve(1);
  assert.equal(controller.take(500, 540, 20, chunk()), "accepted");
  controller.serve(505);
  assert.equal(controller.state, "moving");
});

test("a chunk farther ahead than the longest lead is refused", () => {
  const controller = createController(start);
  controller.arm(0, 1000, start);
  assert.equal(controller.take(0, 2001, 20, chunk()), "range");
  assert.equal(controller.take(0, 2000, 20, chunk()), "accepted");
});

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { ActionGuard } from "./action-guard.ts";
import { Brake } from "./guard/brake.ts";
import { type ActionChunk, createTrajectory, type Joint, type Trajectory } from "./types.ts";

const joint: Joint = {
  name: "elbow",
  kind: "revolute",
  minPosition: -1,
  maxPosition: 1,
  maxVelocity: 3,
  maxAcceleration: 20,
};

const anyNumber = fc.oneof(
  fc.double({ min: -2, max: 2, noNaN: true }),
  fc.double(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1, -1),
);
const anyJoint: fc.Arbitrary<Joint> = fc.record(
  {
    name: fc.constant("joint"),
    kind: fc.constant("revolute"),
    minPosition: fc.double({ min: -4, max: -0.1, noNaN: true }),
    maxPosition: fc.double({ min: 0.1, max: 4, noNaN: true }),
    maxVelocity: fc.double({ min: 0.01, max: 20, noNaN: true }),
    maxAcceleration: fc.double({ min: 0.1, max: 200, noNaN: true }),
    maxJerk: fc.double({ min: 1, max: 5000, noNaN: true }),
  },
  {
    requiredKeys: ["name", "kind", "minPosition", "maxPosition", "maxVelocity", "maxAcceleration"],
  },
);
const anyRows = fc.array(anyNumber, { minLength: 1, maxLength: 24 });

/** Position of a row as the wire carries it: whole micro units. */
function wire(position: number): number {
  return Math.sign(position) * Math.round(Math.abs(position) * 1e6);
}

function pathOf(rows: readonly number[], dtMs: number): Trajectory {
  const trajectory = createTrajectory(rows.length, 1);
  trajectory.positions.set(rows);
  trajectory.count = rows.length;
  trajectory.dtMs = dtMs;
  return trajectory;
}

function totalOf({ clamps }: ActionGuard): number {
  return Object.values(clamps).reduce((sum, counts) => sum + counts.reduce((a, b) => a + b, 0), 0);
}

/** Asserts what the controller checks, in its integers, with a first segment that lost a tick to the clock. */
function assertControllerTakes(path: Trajectory, from: number, limits: Joint): void {
  const waypoints = [from, ...path.positions].map(wire);
  for (const [row, position] of waypoints.entries()) {
    if (row === 0) continue;
    assert.ok(position >= wire(limits.minPosition), `row ${row} at ${position}`);
    assert.ok(position <= wire(limits.maxPosition), `row ${row} at ${position}`);
    const ticks = row === 1 && path.dtMs > 1 ? path.dtMs - 1 : path.dtMs;
    const distance = Math.abs(position - (waypoints[row - 1] ?? Number.NaN));
    assert.ok(
      distance * 1000 <= limits.maxVelocity * 1e6 * ticks,
      `row ${row} moves ${distance} in ${ticks} ticks`,
    );
  }
}

test("whatever goes in, the controller takes what comes out", () => {
  fc.assert(
    fc.property(
      anyJoint,
      anyRows,
      fc.integer({ min: 1, max: 200 }),
      fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double()),
      anyNumber,
      anyNumber,
      (limits, rows, dtMs, where, velocity, acceleration) => {
        const { minPosition, maxPosition } = limits;
        const from = minPosition + where * (maxPosition - minPosition);
        const path = pathOf(rows, dtMs);
        const guard = new ActionGuard([limits], 3);
        const refusal = guard.enforce(
          path,
          Float64Array.of(from),
          Float64Array.of(velocity),
          Float64Array.of(acceleration),
        );
        if (refusal !== undefined) assert.equal(path.count, 0, "what is refused is empty");
        else assertControllerTakes(path, from, limits);
        const isInside = from >= minPosition && from <= maxPosition;
        const isKnown = isInside && !Number.isNaN(velocity + acceleration);
        assert.ok(refusal === undefined || !isKnown, "a start within its range is no reason");
      },
    ),
    { numRuns: 3000 },
  );
});

/** The last three waypoints before a path, oldest first: what fixes its first velocity, acceleration and jerk. */
type Past = readonly [number, number, number];

function differences(values: readonly number[]): number[] {
  return values.slice(1).map((value, i) => value - (values[i] ?? Number.NaN));
}

/** Asserts every limit in wire units, across the seam from `past`. */
function assertEveryLimit(past: Past, path: Trajectory, limits: Joint): void {
  assertControllerTakes(path, past[2], limits);
  const positions = [...past, ...path.positions.subarray(0, path.count)].map(wire);
  const changes = differences(differences(positions));
  const dt = path.dtMs / 1000;
  const maxChange = Math.max(1, limits.maxAcceleration * 1e6 * dt ** 2);
  for (const [row, change] of changes.entries()) {
    assert.ok(Math.abs(change) <= maxChange, `row ${row} changes its step by ${change}`);
  }
  const maxJerk = Math.max(1, (limits.maxJerk ?? Number.POSITIVE_INFINITY) * 1e6 * dt ** 3);
  for (const [row, jerk] of differences(changes).entries()) {
    assert.ok(Math.abs(jerk) <= maxJerk, `row ${row} jerks by ${jerk}, ${maxJerk} allowed`);
  }
}

test("from rest every limit is kept, by chunk after chunk that replaces the one before at any row", () => {
  const anyChunk = fc.record({ rows: anyRows, cut: fc.nat({ max: 23 }) });
  fc.assert(
    fc.property(
      anyJoint,
      fc.array(anyChunk, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 100 }),
      (limits, chunks, dtMs) => {
        const guard = new ActionGuard([limits], 3);
        let past: Past = [0, 0, 0];
        for (const { rows, cut } of chunks) {
          const path = pathOf(rows, dtMs);
          const velocity = ((past[2] - past[1]) * 1000) / dtMs;
          const before = ((past[1] - past[0]) * 1000) / dtMs;
          const refusal = guard.enforce(
            path,
            Float64Array.of(past[2]),
            Float64Array.of(velocity),
            Float64Array.of(((velocity - before) * 1000) / dtMs),
          );
          assert.equal(refusal, undefined);
          assertEveryLimit(past, path, limits);
          const all = [...past, ...path.positions];
          const end = 3 + Math.min(cut, rows.length - 1);
          past = [all[end - 2] ?? 0, all[end - 1] ?? 0, all[end] ?? 0];
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("in motion every limit is kept too, from every start that has a stop within them", () => {
  fc.assert(
    fc.property(
      anyJoint,
      anyRows,
      fc.integer({ min: 5, max: 100 }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      (limits, rows, dtMs, where, speed, surge) => {
        const seconds = dtMs / 1000;
        const side = where < 0 ? -limits.minPosition : limits.maxPosition;
        const position = Math.round(where * side * 1e6);
        const step = Math.trunc(speed * limits.maxVelocity * seconds * 1e6);
        const change = Math.trunc(surge * limits.maxAcceleration * seconds ** 2 * 1e6);
        const past: Past = [
          (position - 2 * step + change) / 1e6,
          (position - step) / 1e6,
          position / 1e6,
        ];
        fc.pre(hasStop(limits, dtMs, position, step, change));
        const path = pathOf(rows, dtMs);
        new ActionGuard([limits], 3).enforce(
          path,
          Float64Array.of(past[2]),
          Float64Array.of(step / 1e6 / seconds),
          Float64Array.of(change / 1e6 / seconds ** 2),
        );
        assertEveryLimit(past, path, limits);
      },
    ),
    { numRuns: 1000 },
  );
});

/** Whether the stop from this state, in wire units and periods, keeps every limit; the host's own velocity limit leaves room for a lost tick. */
function hasStop(
  limits: Joint,
  dtMs: number,
  position: number,
  step: number,
  change: number,
): boolean {
  const seconds = dtMs / 1000;
  const maxStep = Math.floor((limits.maxVelocity * 1e6 * (dtMs - 1)) / 1000) - 1;
  const brake = new Brake();
  brake.maxChange = Math.max(1, Math.floor(limits.maxAcceleration * 1e6 * seconds ** 2));
  const maxJerk = Math.floor((limits.maxJerk ?? Number.POSITIVE_INFINITY) * 1e6 * seconds ** 3);
  brake.maxJerk = Math.min(Math.max(1, maxJerk), 2 * brake.maxChange);
  const first = brake.changeFrom(step, change);
  const next = step + first;
  brake.run(next, first);
  return (
    Math.abs(first) <= brake.maxChange &&
    Math.max(brake.fastest, -brake.slowest) <= maxStep &&
    position + next + brake.highest <= Math.floor(limits.maxPosition * 1e6) &&
    position + next + brake.lowest >= Math.ceil(limits.minPosition * 1e6)
  );
}

test("what the guard let through passes again, unchanged and uncounted", () => {
  fc.assert(
    fc.property(anyJoint, anyRows, fc.integer({ min: 1, max: 100 }), (limits, rows, dtMs) => {
      const path = pathOf(rows, dtMs);
      new ActionGuard([limits], 3).enforce(path, new Float64Array(1), new Float64Array(1));
      const again = pathOf([...path.positions], dtMs);
      const guard = new ActionGuard([limits], 3);
      guard.enforce(again, new Float64Array(1), new Float64Array(1));
      assert.deepEqual(again.positions, path.positions);
      assert.equal(totalOf(guard), 0);
    }),
    { numRuns: 1000 },
  );
});

test("a joint sent to a far target arrives there, stays, and never shoots past it", () => {
  fc.assert(
    fc.property(
      anyJoint,
      fc.double({ min: -0.99, max: 0.99, noNaN: true }),
      fc.integer({ min: 10, max: 100 }),
      (limits, where, dtMs) => {
        const target = where * (where < 0 ? -limits.minPosition : limits.maxPosition);
        const seconds =
          1 +
          2 * (Math.abs(target) / limits.maxVelocity) +
          (4 * limits.maxVelocity) / limits.maxAcceleration +
          (8 * limits.maxAcceleration) / (limits.maxJerk ?? Number.POSITIVE_INFINITY);
        const count = Math.min(60_000, Math.ceil((seconds * 1000) / dtMs));
        const path = pathOf(
          Array.from({ length: count }, () => target),
          dtMs,
        );
        new ActionGuard([limits], 3).enforce(path, new Float64Array(1), new Float64Array(1));
        const goal = (Math.round(target * 1e6) + 0) / 1e6;
        for (const position of path.positions) {
          assert.ok(Math.abs(position) <= Math.abs(goal), `${position} is past ${goal}`);
        }
        // A jerk limit of one wire unit a period cannot move a joint at rest by a single unit.
        const last = path.positions.at(-1) ?? Number.NaN;
        assert.ok(Math.abs(last - goal) < 1.5e-6, `it ends at ${last}, ${goal} was asked for`);
      },
    ),
    { numRuns: 500 },
  );
});

test("a joint that fell behind a moving path meets it at its velocity", () => {
  const limits = { ...joint, minPosition: -4, maxPosition: 4, maxJerk: 300 };
  const rows = Array.from({ length: 60 }, (_, i) => 0.4 + 0.05 * i);
  const path = pathOf(rows, 50);
  new ActionGuard([limits], 3).enforce(path, new Float64Array(1), new Float64Array(1));
  const gaps = rows.map((row, i) => Math.round((row - (path.positions[i] ?? 0)) * 1e6));
  assert.ok(
    gaps.every((gap) => gap >= 0),
    "it never runs ahead",
  );
  const met = gaps.indexOf(0);
  assert.ok(met > 3 && met < 30, `met in row ${met}`);
  assert.ok(
    gaps.slice(met).every((gap) => gap === 0),
    "and stays on the path",
  );
});

test("position wins over acceleration when the arm can no longer stop in time", () => {
  const guard = new ActionGuard([joint], 3);
  const path = pathOf([2, 2, 2, 2], 50);
  guard.enforce(path, Float64Array.of(0.95), Float64Array.of(2.9));
  assertControllerTakes(path, 0.95, joint);
  const firstVelocity = ((path.positions[0] ?? Number.NaN) - 0.95) / 0.05;
  assert.ok(2.9 - firstVelocity > 20 * 0.05, "braking harder than the limit");
  assert.equal(guard.clamps.position[0], 4);
});

test("where no stop keeps the jerk limit, jerk yields and acceleration does not", () => {
  const limits = { ...joint, maxJerk: 100 };
  const guard = new ActionGuard([limits], 3);
  const path = pathOf([1, 1, 1, 1, 1, 1, 1, 1], 50);
  guard.enforce(path, Float64Array.of(0.8), Float64Array.of(2.5));
  const { maxJerk: _, ...withoutJerk } = limits;
  assertEveryLimit([0.55, 0.675, 0.8], path, withoutJerk);
  const [first = Number.NaN] = path.positions;
  assert.equal(Math.round((0.125 - (first - 0.8)) * 1e6), 50_000, "the full deceleration at once");
  assert.ok((guard.clamps.jerk[0] ?? 0) > 0);
});

test("a path within its limits passes unchanged and uncounted", () => {
  const guard = new ActionGuard([joint], 3);
  const rows = Array.from({ length: 20 }, (_, i) => 0.0005 * (i + 1) ** 2);
  const path = pathOf(rows, 50);
  assert.equal(guard.enforce(path, new Float64Array(1), new Float64Array(1)), undefined);
  assert.deepEqual(
    [...path.positions],
    rows.map((row) => Math.round(row * 1e6) / 1e6),
  );
  assert.equal(totalOf(guard), 0);
});

test("clamps are counted by limit and joint", () => {
  const guard = new ActionGuard([joint, { ...joint, name: "wrist" }], 3);
  const path = createTrajectory(1, 2);
  path.count = 1;
  path.dtMs = 50;
  path.positions.set([0, 5]);
  guard.enforce(path, new Float64Array(2), new Float64Array(2));
  assert.deepEqual([...guard.clamps.position], [0, 1]);
  assert.deepEqual([...guard.clamps.velocity], [0, 1]);
  assert.deepEqual([...guard.clamps.acceleration], [0, 1]);
});

test("admit refuses what must not be executed and says where", () => {
  const guard = new ActionGuard([joint], 3);
  const command = Float64Array.of(0.1);
  assert.equal(guard.admit(chunk([9, 9, 0.5, 0.6]), 2, command), undefined);
  assert.equal(guard.admit(chunk([0, 0, 0.6, 0]), 2, command)?.reason, "max_step");
  assert.equal(
    guard.admit(chunk([0, 0, 0, 0]), 2, Float64Array.of(Number.NaN))?.reason,
    "max_step",
  );
  assert.equal(guard.admit(chunk([0, 0, 0]), 2, command)?.reason, "shape");
  assert.equal(guard.admit(chunk([0, 0, 0, 0]), 4, command)?.reason, "shape");
  const refusal = guard.admit(chunk([0, 0, 0, Number.NaN]), 2, command);
  assert.equal(refusal?.reason, "not_finite");
  assert.match(refusal.detail, /row 3 of elbow is NaN/);
});

function chunk(rows: readonly number[]): ActionChunk {
  return {
    rows: Float64Array.from(rows),
    horizon: 4,
    actionDim: 1,
    actionStartIndex: 1,
    dtMs: 50,
    sequence: 1,
    observedAtMs: 0,
    inferenceMs: 0,
  };
}

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { ActionGuard } from "../action-guard.ts";
import { createPlan, type Plan } from "../plan.ts";
import type { ActionChunk, Joint } from "../types.ts";
import { CubicResample } from "./cubic-resample.ts";
import { type ChunkHandover, replace } from "./chunk-handover.ts";
import { createHandover, type HandoverOptions } from "./handover-options.ts";
import { fadedOffset, OffsetFade } from "./offset-fade.ts";
import { TemporalEnsemble } from "./temporal-ensemble.ts";

const dtMs = 50;
const horizon = 16;
const jointCount = 2;
const policy = { horizon, actionStartIndex: 1, leadSteps: 1, nActionSteps: 4, dtMs };
const every: Readonly<Record<string, HandoverOptions>> = {
  replace: { strategy: "replace" },
  fade: { strategy: "fade" },
  ensemble: { strategy: "ensemble", ensembleRate: -2 },
  "fade, resampled": { strategy: "fade", pointsPerStep: 5 },
};

function create(options: HandoverOptions): ChunkHandover {
  const names = ["elbow", "gripper"];
  return createHandover(
    {
      policy: { kind: "omp", objective: "omp", nfe: 1, nObsSteps: 2, ...policy },
      action: { key: "action", kind: "joint_position", dtype: "float32", names, joints: [] },
    },
    options,
  );
}

function chunkOf(observedStep: number, valueAt: (step: number, j: number) => number): ActionChunk {
  const { actionStartIndex } = policy;
  const rows = new Float64Array(horizon * jointCount);
  // Row r is due at observedStep + r - actionStartIndex + 1.
  for (let row = 0; row < horizon; row += 1) {
    const step = observedStep + row - actionStartIndex + 1;
    for (let j = 0; j < jointCount; j += 1) rows[row * jointCount + j] = valueAt(step, j);
  }
  const observedAtMs = observedStep * dtMs;
  const shape = { horizon, actionDim: jointCount, actionStartIndex, dtMs };
  return { rows, ...shape, sequence: 1, observedAtMs, inferenceMs: 0 };
}

/** The plan of a chunk as the scheduler makes it, joined. */
function join(
  handover: ChunkHandover,
  chunk: ActionChunk,
  firstRow: number,
  position: readonly number[],
  velocity: readonly number[],
): Plan {
  const plan = createPlan(horizon * handover.pointsPerStep, jointCount);
  const { trajectory } = plan;
  plan.firstRow = firstRow;
  plan.junctionPosition.set(position);
  plan.junctionVelocity.set(velocity);
  trajectory.dtMs = dtMs;
  trajectory.count = horizon - firstRow;
  trajectory.startAtMs = chunk.observedAtMs + (firstRow - policy.actionStartIndex + 1) * dtMs;
  trajectory.positions.set(chunk.rows.subarray(firstRow * jointCount));
  handover.join(plan, chunk);
  return plan;
}

function waypoint({ trajectory }: Plan, i: number, j: number): number {
  return trajectory.positions[i * jointCount + j] ?? Number.NaN;
}

function assertNear(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= 1e-9, `${what}: ${actual}, not ${expected}`);
}

const number = fc.double({ min: -3, max: 3, noNaN: true });
const rows = fc.array(number, { minLength: 64, maxLength: 64 });
const firstRow = fc.integer({ min: 2, max: horizon - 2 });
const pair = fc.tuple(number, number);

/** A function of the running step, so that chunks observed at different steps can agree. */
function pathOf(values: readonly number[]) {
  return (step: number, j: number): number => values[(2 * step + j + 640) % 64] ?? Number.NaN;
}

test("a chunk that agrees with the running plan is followed as it is, however chunks join", () => {
  fc.assert(
    fc.property(rows, firstRow, fc.constantFrom(...Object.keys(every)), (values, first, name) => {
      const handover = create(every[name] ?? {});
      const path = pathOf(values);
      const points = handover.pointsPerStep;
      for (const observedStep of [0, 4, 8]) {
        const chunk = chunkOf(observedStep, path);
        const junction = observedStep + first - policy.actionStartIndex;
        const here = [path(junction, 0), path(junction, 1)];
        const velocity = here.map((at, j) => ((at - path(junction - 1, j)) * 1000) / dtMs);
        const plan = join(handover, chunk, first, here, velocity);
        assert.equal(plan.trajectory.count, (horizon - first) * points);
        for (let i = 0; i < horizon - first; i += 1) {
          for (let j = 0; j < jointCount; j += 1) {
            const made = waypoint(plan, (i + 1) * points - 1, j);
            assertNear(made, path(junction + 1 + i, j), `${name}, waypoint ${i}`);
          }
        }
      }
    }),
  );
});

test("a faded offset begins with position and velocity, at rest in acceleration, and ends with all at 0", () => {
  const fade = fc.double({ min: 10, max: 1000, noNaN: true });
  fc.assert(
    fc.property(number, number, fade, (position, velocity, fadeMs) => {
      const at = (ms: number): number => fadedOffset(ms, fadeMs, position, velocity);
      const hMs = fadeMs * 1e-3;
      const slope = (ms: number): number => ((at(ms + hMs) - at(ms)) * 1000) / hMs;
      assert.ok(at(0) === position);
      const scale = (Math.abs(position) * 1000) / fadeMs + Math.abs(velocity) + 1e-6;
      assert.ok(Math.abs(slope(0) - velocity) <= 1e-4 * scale, "velocity at the beginning");
      assert.ok(Math.abs(slope(hMs) - slope(0)) <= 1e-3 * scale, "acceleration at the beginning");
      assert.ok(Math.abs(slope(fadeMs - hMs)) <= 1e-4 * scale, "velocity at the end");
      assert.ok(Math.abs(slope(fadeMs - 2 * hMs)) <= 1e-3 * scale, "acceleration at the end");
      assert.equal(at(fadeMs), 0);
      assert.equal(at(fadeMs + hMs), 0);
    }),
  );
});

test("a fade ends exactly on the new chunk, keeps to its side of it, and leaves snapped joints alone", () => {
  fc.assert(
    fc.property(rows, firstRow, pair, (values, first, start) => {
      const chunk = chunkOf(0, pathOf(values));
      const before = [chunk.rows[first * 2 - 2] ?? 0, chunk.rows[first * 2 - 1] ?? 0];
      const plan = join(new OffsetFade(4 * dtMs, [true, false]), chunk, first, start, [0, 0]);
      const raw = join(replace, chunk, first, start, [0, 0]);
      for (let i = 0; i < plan.trajectory.count; i += 1) {
        assert.equal(waypoint(plan, i, 1), waypoint(raw, i, 1), "a snapped joint");
        // Not by assert.equal, to which 0 is not -0.
        if (i >= 3) assert.ok(waypoint(plan, i, 0) === waypoint(raw, i, 0), `waypoint ${i}`);
      }
      // Without a difference in velocity the offset only shrinks.
      const velocity = ((before[0] ?? 0) - (chunk.rows[first * 2 - 4] ?? 0)) / (dtMs / 1000);
      const shrinking = join(new OffsetFade(4 * dtMs, [true, false]), chunk, first, start, [
        velocity,
        0,
      ]);
      let offset = start[0] - (before[0] ?? 0);
      for (let i = 0; i < 4 && i < plan.trajectory.count; i += 1) {
        const next = waypoint(shrinking, i, 0) - waypoint(raw, i, 0);
        assert.ok(Math.abs(next) <= Math.abs(offset) + 1e-9 && next * offset >= -1e-9);
        offset = next;
      }
    }),
  );
});

test("an ensemble never leaves the range of what its chunks say of an instant, and the newest comes in slowly", () => {
  const options = { capacity: 5, rate: 1, taperMs: 150, isBlended: [true, false] };
  fc.assert(
    fc.property(fc.array(rows, { minLength: 2, maxLength: 4 }), firstRow, (chunks, first) => {
      const handover = new TemporalEnsemble(options, horizon, jointCount);
      for (const [k, values] of chunks.entries()) {
        const chunk = chunkOf(4 * k, pathOf(values));
        const plan = join(handover, chunk, first, [0, 0], [0, 0]);
        for (let i = 0; i < plan.trajectory.count; i += 1) {
          const step = 4 * k + first - policy.actionStartIndex + 1 + i;
          const said = chunks
            .slice(0, k + 1)
            .filter((_, older) => step - 4 * older + policy.actionStartIndex - 1 < horizon)
            .map((one) => pathOf(one)(step, 0));
          const value = waypoint(plan, i, 0);
          assert.ok(value >= Math.min(...said) - 1e-9 && value <= Math.max(...said) + 1e-9);
          assert.equal(waypoint(plan, i, 1), pathOf(values)(step, 1), "a snapped joint");
        }
      }
    }),
  );
  const handover = new TemporalEnsemble({ ...options, rate: 0 }, horizon, jointCount);
  join(
    handover,
    chunkOf(0, () => 0),
    2,
    [0, 0],
    [0, 0],
  );
  const plan = join(
    handover,
    chunkOf(4, () => 1),
    2,
    [0, 0],
    [0, 0],
  );
  const weights = [0, 1, 2].map((i) => waypoint(plan, i, 0));
  for (const [i, share] of [1 / 4, 2 / 4, 3 / 4].entries()) {
    assertNear(weights[i] ?? 0, share / (share + 1), `weight ${i}`);
  }
  handover.reset();
  const alone = join(
    handover,
    chunkOf(8, () => 2),
    2,
    [0, 0],
    [0, 0],
  );
  assert.equal(waypoint(alone, 0, 0), 2, "what was forgotten has no weight");
});

test("a resampled plan goes through the waypoints, leaves with the running velocity and never bends a snapped joint", () => {
  const points = 50;
  fc.assert(
    fc.property(rows, firstRow, pair, pair, (values, first, start, velocity) => {
      const chunk = chunkOf(0, pathOf(values));
      const raw = join(replace, chunk, first, start, velocity);
      const handover = new CubicResample(replace, points, horizon, [true, false]);
      const plan = join(handover, chunk, first, start, velocity);
      const { startAtMs, dtMs: pointMs, count } = plan.trajectory;
      assert.deepEqual([pointMs, count], [1, raw.trajectory.count * points]);
      assert.equal(startAtMs - pointMs, raw.trajectory.startAtMs - dtMs, "the same junction");
      // The derivative at its beginning, of four points of one cubic a millisecond apart.
      const [a, b, c] = [0, 1, 2].map((k) => waypoint(plan, k, 0));
      const slope = ((-11 * start[0] + 18 * (a ?? 0) - 9 * (b ?? 0) + 2 * (c ?? 0)) * 1000) / 6;
      assert.ok(Math.abs(slope - velocity[0]) < 1e-9, `leaves with ${slope}, not ${velocity[0]}`);
      for (let i = 0; i < raw.trajectory.count; i += 1) {
        assert.equal(waypoint(plan, (i + 1) * points - 1, 0), waypoint(raw, i, 0));
        const from = i === 0 ? start[1] : waypoint(raw, i - 1, 1);
        const to = waypoint(raw, i, 1);
        for (let k = 1; k <= points; k += 1) {
          const straight = from + ((to - from) * k) / points;
          assertNear(waypoint(plan, i * points + k - 1, 1), straight, "a snapped joint");
        }
      }
    }),
  );
});

test("a straight line stays one, resampled", () => {
  const handover = create({ strategy: "replace", pointsPerStep: 5 });
  const plan = join(
    handover,
    chunkOf(0, (step) => 3 * step),
    2,
    [3, 3],
    [60, 60],
  );
  for (let i = 0; i < plan.trajectory.count; i += 1) {
    assertNear(waypoint(plan, i, 0), 3 + ((i + 1) * 3) / 5, `waypoint ${i}`);
  }
});

test("however a chunk joins, what the guard lets through keeps position and velocity limits", () => {
  const joints = ["elbow", "gripper"].map((name): Joint => ({
    name,
    kind: "revolute",
    minPosition: -1,
    maxPosition: 1,
    maxVelocity: 3,
    maxAcceleration: 20,
  }));
  const start = fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.constant(0));
  const names = fc.constantFrom(...Object.keys(every));
  fc.assert(
    fc.property(fc.array(rows, { minLength: 1, maxLength: 3 }), start, names, (all, here, name) => {
      const handover = create(every[name] ?? {});
      const guard = new ActionGuard(joints, 3);
      for (const [k, values] of all.entries()) {
        const plan = join(handover, chunkOf(4 * k, pathOf(values)), 2, here, [0, 0]);
        const { trajectory, junctionPosition, junctionVelocity } = plan;
        assert.equal(guard.enforce(trajectory, junctionPosition, junctionVelocity), undefined);
        const longest = (3 * trajectory.dtMs) / 1000 + 1e-9;
        for (let i = 0; i < trajectory.count; i += 1) {
          for (let j = 0; j < jointCount; j += 1) {
            const from = i === 0 ? (here[j] ?? Number.NaN) : waypoint(plan, i - 1, j);
            assert.ok(Math.abs(waypoint(plan, i, j)) <= 1, name);
            assert.ok(Math.abs(waypoint(plan, i, j) - from) <= longest, name);
          }
        }
      }
    }),
  );
});

test("options that make no sense are refused by name", () => {
  const refused: readonly [object, RegExp][] = [
    [{ strategy: "average" }, /no hand-over strategy.*average.*replace, fade or ensemble/],
    [{ blend: 3 }, /no hand-over option.*blend/],
    [{ fadeMs: 0 }, /fadeMs is out of range.*1 to 10000 ms/],
    [{ fadeMs: Number.NaN }, /fadeMs is out of range/],
    [{ ensembleRate: 101 }, /ensembleRate is out of range/],
    [{ pointsPerStep: 3 }, /pointsPerStep does not divide.*50 ms \/ 3/],
    [{ pointsPerStep: 2.5 }, /pointsPerStep does not divide/],
    [{ snapJoints: ["thumb"] }, /no joint of the policy.*thumb.*elbow, gripper/],
  ];
  for (const [options, message] of refused) {
    assert.throws(() => create(options), { code: "INVALID_ARGUMENT", message });
  }
});

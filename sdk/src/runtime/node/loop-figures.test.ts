import assert from "node:assert/strict";
import { test } from "node:test";

import { createLinkCounters } from "../../actuator-link.ts";
import { createLoopCounters } from "../../loop-state.ts";
import { LatencyHistogram } from "../../telemetry.ts";
import type { JointState } from "../../types.ts";
import { createFiguresMemory, LoopFiguresReader, LoopFiguresWriter } from "./loop-figures.ts";

/** Every number another one. */
function numbered<Counters extends object>(counters: Counters, first: number): Counters {
  Object.keys(counters).forEach((name, index) => {
    Reflect.set(counters, name, first + index);
  });
  return counters;
}

test("every counter, the histogram and the joints come out as they went in", () => {
  const memory = createFiguresMemory(2);
  const reader = new LoopFiguresReader(memory, 2);
  assert.deepEqual(reader.read().counters, createLoopCounters());
  assert.equal(reader.read().joints.measuredAtMs, Number.NEGATIVE_INFINITY);

  const counters = numbered(createLoopCounters(), 1);
  const linkCounters = numbered(createLinkCounters(), 101);
  const tickLatenessMs = new LatencyHistogram();
  for (const ms of [0.01, 0.02, 7]) tickLatenessMs.record(ms);
  const loop = { counters, stages: undefined, tickLatenessMs };
  const link = { counters: linkCounters, readJointState: fill };
  new LoopFiguresWriter(memory, loop, link, 2).publish();

  const figures = reader.read();
  assert.deepEqual(figures.counters, counters);
  assert.deepEqual(figures.linkCounters, linkCounters);
  assert.deepEqual(figures.tickLatenessMs.memory, tickLatenessMs.memory);
  assert.equal(figures.tickLatenessMs.quantileMs(0.5), tickLatenessMs.quantileMs(0.5));
  const { measuredAtMs, position, command, velocity, effort } = figures.joints;
  assert.deepEqual(
    [measuredAtMs, ...position, ...command, ...velocity, ...effort],
    [12.5, 1, 2, 3, 4, 5, 6, 7, 8],
  );
});

function fill(out: JointState): boolean {
  out.measuredAtMs = 12.5;
  out.position.set([1, 2]);
  out.command.set([3, 4]);
  out.velocity.set([5, 6]);
  out.effort.set([7, 8]);
  return true;
}

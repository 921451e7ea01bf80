import assert from "node:assert/strict";
import { test } from "node:test";

import { ManualClock } from "../../../sdk/src/testing/manual-clock.ts";
import { AgeGate } from "./datagram.ts";

/** The sender's clock is this far ahead, so that it wraps during the test. */
const senderAheadMs = 2 ** 32 - 5000;

function arrive(gate: AgeGate, clock: ManualClock, transitMs: number, sender = 1): boolean {
  return gate.admit(sender, (clock.nowMs() - transitMs + senderAheadMs) >>> 0);
}

test("what took much longer than the fastest is refused, across the wrap of the sender's clock", () => {
  const clock = new ManualClock(1000);
  const gate = new AgeGate(clock, 100);
  for (let i = 0; i < 100; i++) {
    clock.advanceBy(100);
    assert.equal(arrive(gate, clock, 5), true);
    assert.equal(arrive(gate, clock, 105), true);
    assert.equal(arrive(gate, clock, 107), false);
  }
  assert.equal(gate.refused, 100);
});

test("a slow start is forgotten as soon as something is faster", () => {
  const clock = new ManualClock(1000);
  const gate = new AgeGate(clock, 100);
  assert.equal(arrive(gate, clock, 5000), true);
  assert.equal(arrive(gate, clock, 10), true);
  assert.equal(arrive(gate, clock, 5000), false);
});

test("another sender starts afresh, and the one before it is not heard again", () => {
  const clock = new ManualClock(1000);
  const gate = new AgeGate(clock, 100);
  assert.equal(arrive(gate, clock, 5, 1), true);
  assert.equal(arrive(gate, clock, 90_000, 2), true);
  assert.equal(arrive(gate, clock, 5, 1), false);
  assert.equal(arrive(gate, clock, 90_000, 2), true);
  assert.equal(arrive(gate, clock, 5, 3), true);
  assert.equal(arrive(gate, clock, 5, 1), false);
  assert.equal(arrive(gate, clock, 5, 2), false);
  assert.equal(gate.refused, 3);
});

test("a path that became slower for good is accepted after two windows", () => {
  const clock = new ManualClock(1000);
  const gate = new AgeGate(clock, 100);
  arrive(gate, clock, 5);
  for (let i = 0; i < 70; i++) {
    clock.advanceBy(1000);
    arrive(gate, clock, 500);
  }
  assert.equal(arrive(gate, clock, 500), true);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { type Contender, pairedRatio, quantile, takeTurns } from "./take-turns.ts";

test("contenders run in every place of the order, and runs that warm up do not count", async () => {
  const order: string[] = [];
  const contender = (name: string): Contender => ({
    name,
    run: async (count) => {
      order.push(name);
      return Promise.resolve(Array.from({ length: count }, (_, i) => i));
    },
    close: async () => Promise.resolve(),
  });
  const turns = { rounds: 3, runs: 2, warmUpRuns: 1 };
  const samples = await takeTurns(["a", "b", "c"].map(contender), turns);
  assert.deepEqual(order.join(""), "abcabcbcacab");
  assert.deepEqual(samples.get("b"), [1, 2, 1, 2, 1, 2]);
});

test("a quantile is a sample, and of none it is not a number", () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([3, 1, 2], 1), 3);
  assert.equal(quantile([3, 1, 2], 0), 1);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test("a slow spell that meets both does not move the paired ratio", () => {
  const fast = [1, 1, 100, 100, 1, 1];
  const slow = [2, 2, 200, 200, 2, 2];
  assert.equal(pairedRatio(slow, fast, 2), 2);
});

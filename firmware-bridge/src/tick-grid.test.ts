import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";

import { createRandom } from "../../sdk/src/random.ts";
import { TickGrid } from "./tick-grid.ts";

const dtMs = 20;
const dtTicks = 20;
const always = (): boolean => true;
const never = (): boolean => false;

test("a clock map that wobbles does not move the grid", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1.9, max: 1.9, noNaN: true })), (wobbles) => {
      const grid = new TickGrid();
      const first = grid.place(0, dtMs, dtTicks, 1000, true, always);
      wobbles.forEach((wobble, i) => {
        const startAtMs = (i + 1) * 7 * dtMs;
        const tick = grid.place(startAtMs, dtMs, dtTicks, 1000 + startAtMs + wobble, false, always);
        assert.equal((tick - first) % dtTicks, 0);
      });
    }),
  );
});

test("drift is followed by single ticks and stays within three ticks of the map", () => {
  for (const drift of [200e-6, -200e-6]) {
    const random = createRandom(1);
    const grid = new TickGrid();
    let previous = grid.place(0, dtMs, dtTicks, 0, true, always);
    for (let chunk = 1; chunk < 5000; chunk++) {
      const startAtMs = chunk * 8 * dtMs;
      const mapped = startAtMs * (1 + drift) + random.uniform(-0.5, 0.5);
      const tick = grid.place(startAtMs, dtMs, dtTicks, mapped, false, always);
      assert.ok(Math.abs(tick - previous - 8 * dtTicks) <= 1);
      assert.ok(Math.abs(tick - mapped) <= 3.5, `${tick - mapped}`);
      previous = tick;
    }
  }
});

test("a segment without room is not shortened", () => {
  const grid = new TickGrid();
  grid.place(0, dtMs, dtTicks, 0, true, never);
  assert.equal(grid.place(20, dtMs, dtTicks, 16, false, never), 20);
  assert.equal(grid.place(40, dtMs, dtTicks, 36, false, always), 39);
  assert.equal(grid.place(60, dtMs, dtTicks, 63, false, never), 60);
});

test("rest, another grid or another dt starts over at the map", () => {
  const grid = new TickGrid();
  grid.place(0, dtMs, dtTicks, 0.4, true, always);
  assert.equal(grid.place(20, dtMs, dtTicks, 23, true, always), 23, "at rest");
  assert.equal(grid.place(47, dtMs, dtTicks, 49.6, false, always), 50, "7 ms off the host grid");
  assert.equal(grid.place(67, 10, 10, 68.5, false, always), 69, "dt 10");
  assert.equal(grid.place(77, 10, 10, 85, false, always), 85, "more than dt / 2 off");
});

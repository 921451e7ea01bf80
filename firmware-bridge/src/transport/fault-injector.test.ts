import * as fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";

import { createRandom } from "../../../sdk/src/random.ts";
import { ManualClock } from "../../../sdk/src/testing/manual-clock.ts";
import { FaultInjector } from "./fault-injector.ts";
import type { FaultRates } from "./faulty-direction.ts";
import type { Transport } from "./transport.ts";

/** Keeps what is written, by write. */
class Recorder implements Transport {
  readonly name = "recorder";
  readonly writesDropped = 0;
  readonly written: number[][] = [];
  isOpen = true;
  writableBytes = 1000;
  #dataListener: (bytes: Uint8Array) => void = () => {};
  #closeListener: (reason: string) => void = () => {};

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.isOpen || end - start > this.writableBytes) return false;
    this.written.push([...bytes.subarray(start, end)]);
    return true;
  }

  discardPending(): void {}

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#dataListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  async close(): Promise<void> {
    if (this.isOpen) this.#closeListener("closed by the host");
    this.isOpen = false;
  }

  receive(...bytes: number[]): void {
    this.#dataListener(Uint8Array.from(bytes));
  }
}

interface Cable {
  readonly clock: ManualClock;
  readonly injector: FaultInjector;
  readonly inner: Recorder;
  readonly transport: Transport;
  readonly heard: number[][];
  readonly reasons: string[];
}

async function plug(rates: FaultRates = {}, seed = 1): Promise<Cable> {
  const clock = new ManualClock(1000);
  const inner = new Recorder();
  const injector = new FaultInjector(() => Promise.resolve(inner), {
    clock,
    random: createRandom(seed),
    toController: rates,
    toHost: rates,
  });
  const transport = await injector.openTransport();
  const heard: number[][] = [];
  const reasons: string[] = [];
  transport.onData((bytes) => heard.push([...bytes]));
  transport.onClose((reason) => reasons.push(reason));
  return { clock, injector, inner, transport, heard, reasons };
}

function send(transport: Transport, ...bytes: number[]): boolean {
  return transport.write(Uint8Array.from(bytes), 0, bytes.length);
}

/** What arrives of a hundred writes of four bytes, one a ms. */
async function arrivals(
  rates: FaultRates,
  seed: number,
): Promise<{ written: number[][]; injector: FaultInjector }> {
  const { clock, transport, inner, injector } = await plug(rates, seed);
  for (let i = 0; i < 100; i++) {
    send(transport, i, i, i, i);
    clock.advanceBy(1);
  }
  clock.advanceBy(10_000);
  return { written: inner.written, injector };
}

const probability = fc.double({ min: 0, max: 1, noNaN: true });

test("a good cable passes everything on at once, and what the line refuses is refused", async () => {
  const { transport, inner, heard } = await plug();
  assert.equal(send(transport, 1, 2, 3), true);
  inner.receive(4, 5);
  assert.deepEqual([inner.written, heard], [[[1, 2, 3]], [[4, 5]]]);
  inner.writableBytes = 1;
  assert.equal(transport.writableBytes, 1);
  assert.equal(send(transport, 1, 2), false);
});

test("the same seed gives the same faults, another seed others", async () => {
  const rates = { bitFlip: 0.01, drop: 0.1, cut: 0.1, duplicate: 0.1, delayMs: 2, jitterMs: 9 };
  const [first, second, other] = await Promise.all([
    arrivals(rates, 5),
    arrivals(rates, 5),
    arrivals(rates, 6),
  ]);
  assert.deepEqual(first.written, second.written);
  assert.notDeepEqual(first.written, other.written);
});

test("losses, repeats, delay and stalls keep the order and are counted", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ drop: probability, duplicate: probability, stall: probability }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer(),
      async (chances, delayMs, seed) => {
        const rates = { ...chances, delayMs, jitterMs: 2 * delayMs, stallMs: 30 };
        const { written, injector } = await arrivals(rates, seed);
        const { drop, duplicate } = injector.counts;
        const indices = written.map(([index]) => index ?? -1);
        assert.deepEqual(
          indices,
          [...indices].sort((a, b) => a - b),
        );
        assert.equal(indices.length, 100 - drop + duplicate);
        assert.equal(new Set(indices).size, 100 - drop);
      },
    ),
    { numRuns: 50 },
  );
});

test("a flipped bit changes one bit of a byte, a cut takes the second half", async () => {
  const { written, injector } = await arrivals({ bitFlip: 0.1, cut: 0.2 }, 3);
  let flipped = 0;
  written.forEach((piece, i) => {
    assert.ok(piece.length === 4 || piece.length === 2);
    for (const byte of piece) {
      const bits = (byte ^ i).toString(2).replaceAll("0", "").length;
      assert.ok(bits <= 1);
      flipped += bits;
    }
  });
  assert.equal(flipped, injector.counts.bitFlip);
  assert.ok(flipped > 0);
  assert.equal(written.filter(({ length }) => length === 2).length, injector.counts.cut);
});

test("a delayed write arrives when it is due", async () => {
  const { clock, transport, inner } = await plug({ delayMs: 7 });
  send(transport, 1);
  clock.advanceBy(6);
  assert.deepEqual(inner.written, []);
  clock.advanceBy(1);
  assert.deepEqual(inner.written, [[1]]);
});

test("a stalled direction holds until resume, is bounded, and lets the other one pass", async () => {
  const { injector, transport, inner, heard } = await plug();
  injector.stall("toController");
  assert.equal(send(transport, 1), true);
  inner.receive(9);
  assert.deepEqual([inner.written, heard], [[], [[9]]]);
  const block = new Uint8Array(1000);
  let taken = 0;
  while (transport.write(block, 0, block.length)) taken++;
  assert.ok(taken > 0 && taken < 100);
  injector.resume();
  assert.equal(inner.written.length, 1 + taken);
  assert.deepEqual(inner.written[0], [1]);
  assert.equal(send(transport, 2), true);
  assert.deepEqual(inner.written.at(-1), [2]);
});

test("a half-open line loses one direction and tells nobody", async () => {
  const { injector, transport, inner, heard, reasons } = await plug();
  injector.halfOpen("toController");
  assert.equal(send(transport, 1), true);
  inner.receive(2);
  assert.deepEqual([inner.written, heard, reasons], [[], [[2]], []]);
  injector.replug();
  send(transport, 3);
  injector.halfOpen("toHost");
  inner.receive(4);
  assert.deepEqual([inner.written, heard, reasons], [[[3]], [[2]], []]);
  assert.equal(transport.isOpen, true);
});

test("an unplug loses what is under way, closes once, and lets nothing open until the replug", async () => {
  const { clock, injector, transport, inner, reasons } = await plug({ delayMs: 5 });
  send(transport, 1);
  injector.unplug();
  injector.unplug();
  clock.advanceBy(100);
  assert.deepEqual(inner.written, []);
  assert.equal(inner.isOpen, false, "the port behind the cable is let go of");
  assert.equal(reasons.length, 1);
  assert.match(reasons.join(), /recorder was unplugged/);
  assert.equal(transport.isOpen, false);
  assert.equal(send(transport, 2), false);
  await assert.rejects(injector.openTransport(), { code: "LINK_OPEN_FAILED" });
  injector.replug();
  inner.isOpen = true;
  const next = await injector.openTransport();
  assert.notEqual(next, transport);
  send(next, 3);
  clock.advanceBy(5);
  assert.deepEqual(inner.written, [[3]]);
});

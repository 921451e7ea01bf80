import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import type { Transport } from "../../firmware-bridge/src/transport/transport.ts";
import type { WriteBounds } from "../../firmware-bridge/src/transport/write-queue.ts";
import { blockThreadPool } from "../support/blocked-thread-pool.ts";

/** A line with the transport under test at its near end and something scripted at its far end. */
export interface TransportFixture {
  /** Opens the near end anew. */
  open(bounds: WriteBounds): Promise<Transport>;
  /**
   * What arrived at the far end since the last call or the last replug, once no more comes. The far end reads only inside this call:
   * between two of them it is a peer that does not read.
   */
  received(): Promise<Uint8Array>;
  /** The far end sends. */
  send(bytes: Uint8Array): Promise<void>;
  /** Lets at least `ms` pass. */
  pass(ms: number): Promise<void>;
  /** The line is cut; what is under way is lost. */
  unplug(): Promise<void>;
  /** The line is whole again. */
  replug(): Promise<void>;
  close(): Promise<void>;
}

/** Where a transport differs from the others, with the reason. */
export interface TransportTraits {
  /** Why nothing grows old in it. */
  readonly neverAges?: string;
  /** Why it reads nothing while the thread pool is full. */
  readonly readsThroughThreadPool?: string;
}

const recordBytes = 250;
/** Room for four records that do not grow old while a test runs, however slow the machine. */
const patientBounds: WriteBounds = { maxPendingBytes: 4 * recordBytes, maxPendingAgeMs: 600_000 };
const hastyBounds: WriteBounds = { maxPendingBytes: 4 * recordBytes, maxPendingAgeMs: 30 };
/** 250 MB, far more than any kernel buffers. */
const endlessRecords = 1_000_000;
/** A line that takes nothing for so many turns in a row is full. */
const fullTurns = 60;
const marker = 0xffff_fffe;
const timeout = 120_000;

/**
 * The contract of {@link Transport} as tests.
 *
 * @param skip why it cannot run here, or undefined
 */
export function testTransport(
  name: string,
  create: () => Promise<TransportFixture>,
  traits: TransportTraits = {},
  skip?: string,
): void {
  describe(`Transport: ${name}`, { skip: skip ?? false }, () => {
    let fixture: TransportFixture;
    const opened: Transport[] = [];

    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(async () => {
      for (const transport of opened.splice(0)) await transport.close();
      await fixture.close();
    });

    async function open(bounds: WriteBounds = patientBounds): Promise<Probe> {
      const transport = await fixture.open(bounds);
      assert.ok(!opened.includes(transport), "every open gives a new object");
      opened.push(transport);
      return new Probe(transport, fixture);
    }

    /** Everything that arrives at the far end. One look too few would take a machine that stalled for a line that is quiet. */
    async function arrivals(): Promise<Uint8Array> {
      const pieces: Uint8Array[] = [];
      for (let quiet = 0; quiet < 2;) {
        const piece = await fixture.received();
        quiet = piece.length === 0 ? quiet + 1 : 0;
        pieces.push(piece);
      }
      return Buffer.concat(pieces);
    }

    test("bytes pass both ways, unchanged and in order", { timeout }, async () => {
      const probe = await open({ ...patientBounds, maxPendingBytes: 4096 });
      const sent: number[] = [];
      for (let length = 1; length <= 240; length += 17) {
        const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);
        assert.equal(probe.write(bytes), true);
        sent.push(...bytes);
        await fixture.send(bytes);
      }
      assert.deepEqual([...(await arrivals())], sent);
      await probe.until("all bytes", () => probe.heard.length >= sent.length);
      assert.deepEqual(probe.heard, sent);
      assert.equal(probe.transport.writesDropped, 0);
    });

    test("a write of what fits is taken, one byte more is refused whole", { timeout }, async () => {
      const probe = await open();
      const { writableBytes } = probe.transport;
      assert.ok(writableBytes >= recordBytes && writableBytes <= patientBounds.maxPendingBytes);
      assert.equal(probe.write(new Uint8Array(writableBytes + 1)), false);
      assert.equal(probe.write(new Uint8Array(writableBytes).fill(1)), true);
      const received = await arrivals();
      assert.equal(received.length, writableBytes);
      assert.ok(received.every((byte) => byte === 1));
    });

    test(
      "a peer that does not read blocks neither the caller nor reading",
      { timeout },
      async () => {
        const probe = await open();
        await probe.block();
        assert.equal(probe.write(record(marker)), false, "what waits is bounded in bytes");
        await fixture.send(Uint8Array.of(7, 8, 9));
        await probe.until("what the peer sent", () => probe.heard.length >= 3);
        assert.deepEqual(probe.heard, [7, 8, 9]);
        const indices = indicesOf(await arrivals());
        assert.deepEqual(indices, upTo(probe.taken), "everything that was taken arrives");
        assert.equal(probe.transport.writesDropped, 0);
      },
    );

    const neverAges = traits.neverAges ?? false;
    test(
      "what waits too long is dropped whole, and counted",
      { timeout, skip: neverAges },
      async () => {
        const probe = await open(hastyBounds);
        await probe.until("a drop", () => {
          probe.writeRecords();
          return probe.transport.writesDropped > 0;
        });
        probe.writeRecords();
        await fixture.pass(2 * hastyBounds.maxPendingAgeMs);
        assert.ok(probe.writeRecords() > 0, "what has grown old makes room");
        const late = indicesOf(await arrivals());
        // The line is free again.
        await probe.until("room", () => probe.write(record(marker)));
        const indices = [...late, ...indicesOf(await arrivals())];
        assert.equal(indices.at(-1), marker);
        assertRising(indices);
        assert.equal(indices.length + probe.transport.writesDropped, probe.taken + 1);
      },
    );

    test("discardPending lets the next write go first", { timeout }, async () => {
      const probe = await open();
      await probe.block();
      probe.transport.discardPending();
      const { writesDropped } = probe.transport;
      assert.ok(writesDropped > 0, "what was discarded is counted");
      assert.equal(probe.write(record(marker)), true);
      const indices = indicesOf(await arrivals());
      assert.deepEqual(indices, [...upTo(probe.taken - writesDropped), marker]);
    });

    test(
      "an unplug is named, and nothing written before it arrives after it",
      { timeout },
      async () => {
        const probe = await open();
        await probe.block();
        await fixture.unplug();
        await probe.until("the close", () => {
          probe.write(record(0));
          return probe.reasons.length > 0;
        });
        assert.match(probe.reasons[0] ?? "", /\w{3,}/);
        probe.assertClosed();
        assert.ok(probe.transport.writesDropped > 0, "what waited is counted");
        await fixture.replug();
        const next = await open();
        assert.equal(probe.write(record(1)), false, "the old object stays closed");
        assert.equal(next.write(record(marker)), true);
        assert.deepEqual(indicesOf(await arrivals()), [marker]);
        assert.equal(next.transport.writesDropped, 0);
        assert.equal(probe.reasons.length, 1, "it closes once");
      },
    );

    test("an unplug is noticed without a data listener", { timeout }, async () => {
      const transport = await fixture.open(patientBounds);
      opened.push(transport);
      const reasons: string[] = [];
      transport.onClose((reason) => reasons.push(reason));
      await fixture.send(Uint8Array.of(1, 2, 3));
      await fixture.unplug();
      while (reasons.length === 0) await fixture.pass(1);
      assert.equal(transport.isOpen, false);
    });

    test(
      "close drops what waits, also twice, and a new object begins after it",
      { timeout },
      async () => {
        const probe = await open();
        await probe.block();
        const closing = probe.transport.close();
        probe.assertClosed();
        await probe.transport.close();
        await closing;
        await probe.transport.close();
        assert.equal(probe.reasons.length, 1, "it closes once");
        assert.ok(probe.transport.writesDropped > 0, "what waited is counted");
        const inLine = probe.taken - probe.transport.writesDropped;
        const next = await open();
        assert.equal(next.transport.writesDropped, 0);
        assert.equal(probe.write(record(1)), false, "the old object stays closed");
        await next.until("room", () => next.write(record(marker)));
        const received = await arrivals();
        const beforeMarker = received.subarray(0, received.length - recordBytes);
        assert.deepEqual(indicesOf(received.subarray(beforeMarker.length)), [marker]);
        // The line may have had the beginning of one record.
        const whole = beforeMarker.subarray(
          0,
          beforeMarker.length - (beforeMarker.length % recordBytes),
        );
        assertRising(indicesOf(whole));
        assert.ok(whole.length / recordBytes <= inLine, "nothing that was dropped arrives");
      },
    );

    test("a full thread pool blocks neither the caller nor a write", { timeout }, async () => {
      const probe = await open();
      const releasePool = await blockThreadPool();
      try {
        assert.equal(probe.write(record(1)), true);
        assert.deepEqual(indicesOf(await arrivals()), [1]);
        await fixture.send(Uint8Array.of(4, 5, 6));
        if (traits.readsThroughThreadPool === undefined) {
          await probe.until("what the peer sent", () => probe.heard.length >= 3);
        }
      } finally {
        releasePool();
      }
      await probe.until("what the peer sent", () => probe.heard.length >= 3);
      assert.deepEqual(probe.heard, [4, 5, 6]);
    });
  });
}

/** A transport, what it said, and what it was given. */
class Probe {
  readonly transport: Transport;
  readonly heard: number[] = [];
  readonly reasons: string[] = [];
  /** Records taken; the next one's index. */
  taken = 0;
  readonly #fixture: TransportFixture;
  #isWriting = false;

  constructor(transport: Transport, fixture: TransportFixture) {
    this.transport = transport;
    this.#fixture = fixture;
    transport.onData((bytes) => {
      assert.ok(!this.#isWriting, "no listener is called from inside write");
      this.heard.push(...bytes);
    });
    transport.onClose((reason) => {
      assert.ok(!this.#isWriting, "no listener is called from inside write");
      this.reasons.push(reason);
    });
  }

  write(bytes: Uint8Array): boolean {
    this.#isWriting = true;
    const isTaken = this.transport.write(bytes, 0, bytes.length);
    this.#isWriting = false;
    return isTaken;
  }

  /** Writes records until one is refused; how many were taken. */
  writeRecords(): number {
    const before = this.taken;
    while (this.write(record(this.taken))) {
      this.taken++;
      assert.ok(this.taken < endlessRecords, "a line that nobody reads takes no end of writes");
    }
    return this.taken - before;
  }

  /** Writes records until the line and the queue before it are full. */
  async block(): Promise<void> {
    let turns = 0;
    await this.until("a full line", () => {
      turns = this.writeRecords() > 0 ? 0 : turns + 1;
      return turns === fullTurns;
    });
  }

  async until(what: string, isTrue: () => boolean): Promise<void> {
    for (let turns = 0; !isTrue(); turns++) {
      assert.ok(turns < 50_000, `no ${what}`);
      await this.#fixture.pass(1);
    }
  }

  assertClosed(): void {
    assert.equal(this.transport.isOpen, false);
    assert.equal(this.transport.writableBytes, 0);
    assert.equal(this.write(record(0)), false);
  }
}

function record(index: number): Uint8Array {
  const bytes = new Uint8Array(recordBytes).fill(index & 0xff);
  new DataView(bytes.buffer).setUint32(0, index, true);
  return bytes;
}

/** The indices of whole, intact records. */
function indicesOf(bytes: Uint8Array): number[] {
  assert.equal(bytes.length % recordBytes, 0, "no record was cut");
  const indices: number[] = [];
  for (let at = 0; at < bytes.length; at += recordBytes) {
    const piece = bytes.subarray(at, at + recordBytes);
    const index = new DataView(piece.buffer, piece.byteOffset).getUint32(0, true);
    assert.equal(Buffer.compare(piece, record(index)), 0, "no record was changed");
    indices.push(index);
  }
  return indices;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function assertRising(indices: readonly number[]): void {
  for (let i = 1; i < indices.length; i++) {
    assert.ok((indices[i] ?? 0) > (indices[i - 1] ?? 0), "records arrive once and in order");
  }
}

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";

import { crc16 } from "./dynamixel/crc16.ts";
import { dynamixelFormat } from "./dynamixel/dynamixel-format.ts";
import { feetechFormat } from "./feetech/feetech-format.ts";
import { PacketDecoder } from "./packet-decoder.ts";
import type { PacketFormat } from "./packet-format.ts";

interface Packet {
  readonly id: number;
  readonly instruction: number;
  readonly error: number;
  readonly params: readonly number[];
}

const formats = [feetechFormat, dynamixelFormat];

/** Bytes that make headers and stuffing likely. */
const tricky = fc.oneof(fc.constantFrom(0xff, 0xff, 0xfd, 0x00), fc.integer({ min: 0, max: 255 }));
const anyParams = fc.array(tricky, { maxLength: 60 });
const anyId = fc.integer({ min: 0, max: 253 });
const anyCode = fc.integer({ min: 0, max: 0x54 });

function encode(
  format: PacketFormat,
  id: number,
  code: number,
  params: readonly number[],
): Uint8Array {
  const out = new Uint8Array(format.maxPacketBytes);
  return out.slice(0, format.writeInstruction(out, id, code, params));
}

function encodeStatus(
  format: PacketFormat,
  id: number,
  error: number,
  params: readonly number[],
): Uint8Array {
  const out = new Uint8Array(format.maxPacketBytes);
  return out.slice(0, format.writeStatus(out, id, error, params));
}

/** Everything that comes out of `pieces`, after silence. */
function decode(
  format: PacketFormat,
  ...pieces: readonly Uint8Array[]
): { packets: Packet[]; decoder: PacketDecoder } {
  const packets: Packet[] = [];
  const decoder = new PacketDecoder(format, ({ id, instruction, error, params }) => {
    packets.push({ id, instruction, error, params: [...params] });
  });
  for (const piece of pieces) decoder.push(piece);
  decoder.flush();
  return { packets, decoder };
}

function flip(bytes: Uint8Array, ...bits: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  for (const bit of bits) copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

test("CRC-16 gives the check value", () => {
  assert.equal(crc16(new TextEncoder().encode("123456789"), 0, 9), 0xfee8);
});

for (const format of formats) {
  describe(format.family, () => {
    test("an instruction comes back, however the stream is cut", () => {
      fc.assert(
        fc.property(anyId, anyCode, anyParams, fc.nat(80), (id, instruction, params, cut) => {
          const bytes = encode(format, id, instruction, params);
          const { packets, decoder } = decode(format, bytes.slice(0, cut), bytes.slice(cut));
          assert.equal(packets.length, 1);
          assert.deepEqual(packets[0]?.params, params);
          assert.equal(packets[0]?.id, id);
          assert.equal(packets[0]?.instruction, instruction);
          assert.equal(decoder.counters.garbageBytes, 0);
        }),
      );
    });

    test("a status comes back with its error byte", () => {
      fc.assert(
        fc.property(anyId, fc.integer({ min: 0, max: 0x7f }), anyParams, (id, error, params) => {
          const { packets } = decode(format, encodeStatus(format, id, error, params));
          assert.equal(packets.length, 1);
          assert.deepEqual(packets[0]?.params, params);
          assert.equal(packets[0]?.error, error);
        }),
      );
    });

    test("packets behind garbage, behind half a packet and behind a damaged one are all found", () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 0, max: 0xfe }), { maxLength: 40 }),
          anyParams,
          fc.integer({ min: 1, max: 6 }),
          (garbage, anything, cut) => {
            // A header among a damaged packet's params may stand before a sum that fits; Dynamixel's stuffing leaves none.
            const params = anything.map((byte) =>
              byte === 0xff && format.family === "feetech" ? 0xfe : byte,
            );
            const whole = encode(format, 1, 3, params);
            const half = whole.slice(0, cut);
            const damaged = flip(whole, 8 * (whole.length - 1));
            const { packets, decoder } = decode(
              format,
              Uint8Array.from(garbage),
              whole,
              damaged,
              whole,
              half,
              whole,
            );
            const found = packets.filter((packet) => packet.params.join() === params.join());
            const made = packets.length - found.length;
            // Half a packet's header goes on into the next one, and one in 256 of Feetech's sums fits.
            if (format.family === "dynamixel") assert.equal(made, 0);
            assert.ok(found.length + made >= 3, `${found.length} found, ${made} made up`);
            if (made > 0) return;
            assert.ok(decoder.counters.checksumErrors >= 1);
            assert.ok(decoder.counters.garbageBytes >= garbage.length + half.length);
          },
        ),
      );
    });

    test("arbitrary bytes cost no memory and throw nothing", () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 8 }), (pieces) => {
          const { decoder } = decode(format, ...pieces);
          assert.equal(decoder.isPending, false);
        }),
      );
    });

    test("one flipped bit outside the length never passes", () => {
      const lengthBits = format.family === "feetech" ? [24, 32] : [40, 56];
      fc.assert(
        fc.property(anyId, anyParams, fc.nat(), (id, params, where) => {
          const bytes = encode(format, id, 3, params);
          const bit = where % (8 * bytes.length);
          fc.pre(bit < (lengthBits[0] ?? 0) || bit >= (lengthBits[1] ?? 0));
          // A damaged header can still uncover a packet inside; none of that is this one's content.
          const { packets } = decode(format, flip(bytes, bit));
          const accepted = packets.filter((packet) => packet.id === id && packet.instruction === 3);
          assert.deepEqual(accepted, []);
        }),
        { numRuns: 1000 },
      );
    });
  });
}

/** How many of all pairs of flipped bits in the checked part of a packet are accepted. */
function acceptedPairs(
  format: PacketFormat,
  bytes: Uint8Array,
  firstBit: number,
): [number, number] {
  let accepted = 0;
  let tried = 0;
  for (let a = firstBit; a < 8 * bytes.length; a++) {
    for (let b = a + 1; b < 8 * bytes.length; b++) {
      tried++;
      if (format.judge(flip(bytes, a, b), 0, bytes.length) > 0) accepted++;
    }
  }
  return [accepted, tried];
}

test("two flipped bits never pass Dynamixel's CRC; Feetech's sum cannot promise it", (t) => {
  const params = [0x84, 0x00, 0x12, 0x08, 0x5a, 0xa5, 0x00, 0xff];
  const [dynamixel, dynamixelTried] = acceptedPairs(
    dynamixelFormat,
    encodeStatus(dynamixelFormat, 3, 0, params),
    56,
  );
  const [feetech, feetechTried] = acceptedPairs(
    feetechFormat,
    encodeStatus(feetechFormat, 3, 0, params),
    32,
  );
  t.diagnostic(`two flipped bits accepted: dynamixel ${dynamixel} of ${dynamixelTried}`);
  t.diagnostic(`two flipped bits accepted: feetech ${feetech} of ${feetechTried}`);
  assert.equal(dynamixel, 0);
  assert.ok(feetech > 0, "an 8-bit sum lets errors through that cancel out");
});

test("bursts of up to 16 bits never pass Dynamixel's CRC", () => {
  const bytes = encodeStatus(dynamixelFormat, 3, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 0xffff }), (where, pattern) => {
      // Most significant bit first, as the CRC sees them.
      const start = 56 + (where % (8 * bytes.length - 56 - 16));
      const bits = Array.from({ length: 16 }, (_, i) => i).filter((i) => (pattern >> i) & 1);
      const damaged = bytes.slice();
      for (const i of bits) {
        const at = start + i;
        damaged[at >> 3] = (damaged[at >> 3] ?? 0) ^ (0x80 >> (at & 7));
      }
      assert.ok(dynamixelFormat.judge(damaged, 0, damaged.length) <= 0);
    }),
    { numRuns: 2000 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { fastBlocks } from "../../firmware-bridge/src/servo/dynamixel/dynamixel-format.ts";
import { crc16 } from "../../firmware-bridge/src/servo/dynamixel/crc16.ts";
import { PacketDecoder } from "../../firmware-bridge/src/servo/packet-decoder.ts";
import { createServoPacket } from "../../firmware-bridge/src/servo/packet-format.ts";
import {
  countGoldenPackets,
  decodedFields,
  encodedPacket,
  expectedFields,
  isFastAnswer,
} from "./golden-packets.ts";
import { bytesOf, formatOf, hexOf, packetNamed, packetVectors } from "./vectors.ts";

test("every golden packet is decoded to its fields", (t) => {
  for (const vector of packetVectors) {
    assert.deepEqual(decodedFields(vector), [expectedFields(vector)], vector.name);
  }
  for (const family of ["dynamixel", "feetech"] as const) {
    for (const source of ["manual", "layout"] as const) {
      const count = packetVectors.filter(
        (vector) => vector.family === family && vector.source === source,
      ).length;
      t.diagnostic(`golden packets: ${family} ${count} of the ${source}`);
    }
  }
  t.diagnostic(`golden packets: ${packetVectors.length} in all`);
});

test("every golden packet is encoded byte for byte", () => {
  for (const vector of packetVectors.filter((one) => !isFastAnswer(one))) {
    assert.equal(encodedPacket(vector), vector.packet, vector.name);
  }
  assert.deepEqual(countGoldenPackets(), {
    ok: packetVectors.length,
    packets: packetVectors.length,
  });
});

test("all golden packets of a family in one stream come out whole and in order", () => {
  for (const family of ["dynamixel", "feetech"] as const) {
    const vectors = packetVectors.filter((vector) => vector.family === family);
    const stream = Buffer.concat(vectors.map(({ packet }) => bytesOf(packet)));
    for (const size of [1, 3, 7, 64, stream.length]) {
      let next = 0;
      const decoder = new PacketDecoder(formatOf(family), (packet) => {
        assert.equal(hexOf(packet.params), vectors[next]?.params);
        next++;
      });
      for (let at = 0; at < stream.length; at += size) decoder.push(stream.subarray(at, at + size));
      assert.equal(next, vectors.length);
    }
  }
});

test("no golden packet with one flipped bit is taken for another of the same kind, length included", (t) => {
  let flips = 0;
  for (const { family, packet } of packetVectors) {
    const format = formatOf(family);
    const bytes = bytesOf(packet);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.ok(format.judge(damaged, 0, damaged.length) <= 0, `${packet}, bit ${bit}`);
      flips++;
    }
  }
  t.diagnostic(`single bit flips refused: ${flips}`);
});

test("a fast sync read's answer comes apart, and every CRC in it covers all before it", () => {
  const bytes = packetNamed(
    "dynamixel",
    "answer of servos 3, 7 and 4 in one packet: 166, 2079, 1023",
  );
  const packet = createServoPacket();
  formatOf("dynamixel").read(bytes, 0, bytes.length, packet);
  const blocks = fastBlocks(packet, 4) ?? [];
  assert.deepEqual(
    blocks.map(({ id, error, data }) => [id, error, hexOf(data)]),
    [
      [3, 0, "A6 00 00 00"],
      [7, 0, "1F 08 00 00"],
      [4, 0, "FF 03 00 00"],
    ],
  );
  for (let block = 1; block <= blocks.length; block++) {
    const end = 8 + 8 * block;
    const crc = (bytes[end - 2] ?? 0) | ((bytes[end - 1] ?? 0) << 8);
    assert.equal(crc16(bytes, 0, end - 2), crc, `block ${block}`);
  }
  assert.equal(fastBlocks(packet, 3), undefined);
});

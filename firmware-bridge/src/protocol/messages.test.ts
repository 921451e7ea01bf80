import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";

import { maxPayloadBytes, payloadBytes, rowsPerPart } from "./constants.ts";
import {
  createStateMessage,
  limitsCrc,
  readState,
  schemaHash,
  stateBytes,
} from "./controller-messages.ts";
import { crc32 } from "./crc32.ts";
import {
  readClearFault,
  readEnable,
  readHello,
  readTrajHeader,
  readTrajPosition,
  trajBytes,
  writeClearFault,
  writeEnable,
  writeHello,
  writeTrajHeader,
  writeTrajPosition,
} from "./host-messages.ts";
import { fromCounts, tickDifference, toCounts } from "./units.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });

function buffer(): DataView {
  return new DataView(new ArrayBuffer(maxPayloadBytes));
}

test("what the host writes reads back", () => {
  const header = fc.record(
    {
      chunkId: u16,
      partIndex: u8,
      partCount: u8,
      t0: u32,
      dt: u16,
      n: u8,
      jointMask: u8,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(header, i32, (sent, position) => {
      const view = buffer();
      assert.equal(writeTrajHeader(view, sent), payloadBytes.trajHeader);
      writeTrajPosition(view, 5, position);
      const got = { chunkId: 0, partIndex: 0, partCount: 0, t0: 0, dt: 0, n: 0, jointMask: 0 };
      readTrajHeader(view, got);
      assert.deepEqual(got, sent);
      assert.equal(readTrajPosition(view, 5), position);
    }),
  );
  fc.assert(
    fc.property(u8, u16, u32, (jointMask, leaseMs, crc) => {
      const view = buffer();
      const sent = { jointMask, leaseMs, limitsCrc: crc };
      const got = { jointMask: 0, leaseMs: 0, limitsCrc: 0 };
      assert.equal(writeEnable(view, sent), 8);
      readEnable(view, got);
      assert.deepEqual(got, sent);
    }),
  );
  const view = buffer();
  writeClearFault(view, { fault: 0xe5, faultNonce: 65535 });
  const clear = { fault: 0, faultNonce: 0 };
  readClearFault(view, clear);
  assert.deepEqual(clear, { fault: 0xe5, faultNonce: 65535 });
  writeHello(view, 0xdeadbeef);
  const hello = { major: 0, minor: 9, sessionId: 0, features: 9 };
  readHello(view, hello);
  assert.deepEqual(hello, { major: 1, minor: 0, sessionId: 0xdeadbeef, features: 0 });
});

test("a STATE is read in wire units", () => {
  const view = buffer();
  view.setUint32(0, 0xfffffffe, true); // tick
  view.setUint16(4, 999, true); // sub_us
  view.setUint8(6, 17); // last_seq
  view.setUint8(7, 2); // mode RUN
  view.setUint16(12, 40, true); // buffered
  view.setInt32(20 + 12, -2_000_000_000, true); // position of joint 1
  view.setInt32(20 + 16, 5, true); // command of joint 1
  view.setInt16(20 + 20, -32768, true); // velocity of joint 1
  const state = createStateMessage(2);
  readState(view, state);
  assert.equal(stateBytes(2), 44);
  assert.deepEqual([state.tick, state.subUs, state.lastSeq, state.mode], [0xfffffffe, 999, 17, 2]);
  assert.equal(state.buffered, 40);
  assert.deepEqual([...state.position], [0, -2_000_000_000]);
  assert.deepEqual([...state.command], [0, 5]);
  assert.deepEqual([...state.velocity], [0, -32768]);
});

test("a TRAJ part fits a payload for every joint count", () => {
  for (let joints = 1; joints <= 8; joints++) {
    const rows = rowsPerPart(joints);
    assert.ok(trajBytes(rows, joints) <= maxPayloadBytes);
    assert.ok(trajBytes(rows + 1, joints) > maxPayloadBytes);
  }
});

test("schema hash and limits CRC are those of PROTOCOL.md §4", () => {
  const text = "omp-link 1\nshoulder:revolute\nslide:prismatic\n";
  const joints = [
    { name: "shoulder", kind: "revolute" },
    { name: "slide", kind: "prismatic" },
  ] as const;
  assert.equal(schemaHash(joints), crc32(new TextEncoder().encode(text)));
  const first = new Uint8Array(44).fill(1);
  const second = new Uint8Array(44).fill(2);
  assert.equal(limitsCrc([first, second]), crc32(Uint8Array.from([...first, ...second])));
});

test("radians round to counts, ties away from zero, and come back", () => {
  assert.deepEqual([toCounts(1.5e-6), toCounts(-1.5e-6), toCounts(0.4e-6)], [2, -2, 0]);
  assert.equal(toCounts(-2.5e-6), -3);
  fc.assert(
    fc.property(i32, (counts) => {
      assert.equal(toCounts(fromCounts(counts)) + 0, counts);
    }),
  );
});

test("ticks compare across their wrap", () => {
  assert.equal(tickDifference(5, 0xfffffffb), 10);
  assert.equal(tickDifference(0xfffffffb, 5), -10);
});

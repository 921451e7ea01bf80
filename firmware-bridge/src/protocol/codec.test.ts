import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import * as fc from "fast-check";

import { cobsDecode, cobsEncode } from "./cobs.ts";
import { MessageType, maxEncodedBytes, maxPayloadBytes } from "./constants.ts";
import { crc32 } from "./crc32.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { FrameEncoder } from "./frame-encoder.ts";

interface Frame {
  readonly type: number;
  readonly seq: number;
  readonly payload: Uint8Array;
}

const session = 0x1234_abcd;

function encodeFrame(frame: Frame, seed = session): Uint8Array {
  const encoder = new FrameEncoder();
  frame.payload.forEach((byte, i) => {
    encoder.payload.setUint8(i, byte);
  });
  const end = encoder.finish(frame.type, frame.seq, frame.payload.length, seed);
  return encoder.bytes.slice(1, end);
}

function collectFrames(seed = session): { decoder: FrameDecoder; frames: Frame[] } {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder((type, seq, payload, length) => {
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset, length).slice();
    frames.push({ type, seq, payload: bytes });
  });
  decoder.seed = seed;
  return { decoder, frames };
}

const anyFrame = fc.record(
  {
    type: fc.integer({ min: 0, max: 255 }),
    seq: fc.integer({ min: 0, max: 255 }),
    payload: fc.uint8Array({ maxLength: maxPayloadBytes }),
  },
  { noNullPrototype: true },
);

test("CRC-32 gives the check value and agrees with zlib from any seed", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  fc.assert(
    fc.property(fc.uint8Array(), fc.integer({ min: 0, max: 0xffffffff }), (bytes, seed) => {
      assert.equal(crc32(bytes, seed), zlibCrc32(bytes, seed));
    }),
  );
});

test("COBS adds one byte, leaves no 00 and comes back", () => {
  const dense = fc.uint8Array({ minLength: 1, maxLength: 254 });
  const sparse = fc.array(fc.constantFrom(0, 1, 255), { minLength: 1, maxLength: 254 });
  const body = fc.oneof(
    dense,
    sparse.map((bytes) => Uint8Array.from(bytes)),
  );
  fc.assert(
    fc.property(body, (source) => {
      const encoded = new Uint8Array(maxEncodedBytes);
      const length = cobsEncode(source, source.length, encoded, 0);
      assert.equal(length, source.length + 1);
      assert.ok(!encoded.subarray(0, length).includes(0));
      const decodedLength = cobsDecode(encoded, length, encoded);
      assert.deepEqual(encoded.subarray(0, decodedLength), source);
    }),
  );
  const full = new Uint8Array(254).fill(7);
  const encoded = new Uint8Array(maxEncodedBytes);
  assert.equal(cobsEncode(full, 254, encoded, 0), 255);
});

test("every frame comes back from a stream cut anywhere", () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 8 }),
      fc.integer({ min: 1, max: 300 }),
      (sent, cut) => {
        const { decoder, frames } = collectFrames();
        const stream = sent.flatMap((frame) => [...encodeFrame(frame)]);
        for (let at = 0; at < stream.length; at += cut) {
          decoder.push(Uint8Array.from(stream.slice(at, at + cut)));
        }
        assert.deepEqual(frames, sent);
      },
    ),
  );
});

test("a frame whose bytes changed is never taken", () => {
  const oneChange = fc.record({
    frame: anyFrame,
    at: fc.nat(),
    flip: fc.integer({ min: 1, max: 255 }),
  });
  fc.assert(
    fc.property(oneChange, ({ frame, at, flip }) => {
      const { decoder, frames } = collectFrames();
      const bytes = encodeFrame(frame);
      const index = at % bytes.length;
      bytes[index] = (bytes[index] ?? 0) ^ flip;
      decoder.push(bytes);
      decoder.push(Uint8Array.of(0));
      assert.deepEqual(frames, []);
    }),
    { numRuns: 2000 },
  );
});

test("garbage is counted by kind and the next frame survives", () => {
  const { decoder, frames } = collectFrames();
  const heartbeat: Frame = { type: MessageType.Heartbeat, seq: 9, payload: new Uint8Array(0) };
  decoder.push(new Uint8Array(300).fill(1)); // no delimiter within 255 bytes
  decoder.push(Uint8Array.of(0));
  decoder.push(Uint8Array.of(3, 1, 1, 0)); // 2 bytes after decoding
  decoder.push(Uint8Array.of(9, 1, 1, 0)); // block of 8 bytes, 2 present
  decoder.push(encodeFrame(heartbeat, session + 1)); // another session
  decoder.push(Uint8Array.of(0, 0, 0)); // empty frames
  decoder.push(encodeFrame(heartbeat));
  assert.deepEqual(decoder.counters, {
    frames: 1,
    oversized: 1,
    undersized: 1,
    miscoded: 1,
    crcErrors: 1,
  });
  assert.deepEqual(frames, [heartbeat]);
});

test("a cut frame does not swallow the next one behind a leading delimiter", () => {
  const { decoder, frames } = collectFrames();
  const frame: Frame = { type: MessageType.Sync, seq: 1, payload: Uint8Array.of(1, 2, 3, 4) };
  decoder.push(encodeFrame(frame).subarray(0, 5));
  decoder.push(Uint8Array.of(0));
  decoder.push(encodeFrame(frame));
  assert.deepEqual(frames, [frame]);
});

test("HELLO, IDENT and ESTOP do without a session", () => {
  for (const type of [MessageType.Hello, MessageType.Ident, MessageType.Estop]) {
    const { decoder, frames } = collectFrames(1);
    decoder.push(encodeFrame({ type, seq: 0, payload: new Uint8Array(0) }, 2));
    assert.equal(frames.length, 1);
  }
});

test("a payload over 248 bytes is refused", () => {
  assert.throws(() => new FrameEncoder().finish(MessageType.Traj, 0, 249, 0), {
    code: "INVALID_ARGUMENT",
  });
});

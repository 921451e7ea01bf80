import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { MessageType } from "../../firmware-bridge/src/protocol/constants.ts";
import { crc32 } from "../../firmware-bridge/src/protocol/crc32.ts";
import {
  createDecoderCounters,
  FrameDecoder,
} from "../../firmware-bridge/src/protocol/frame-decoder.ts";
import { FrameEncoder } from "../../firmware-bridge/src/protocol/frame-encoder.ts";
import { readHello } from "../../firmware-bridge/src/protocol/host-messages.ts";
import { limitsCrc, schemaHash } from "../../firmware-bridge/src/protocol/controller-messages.ts";
import { replayConversation, replayStream } from "./core-replay.ts";
import { readFields, writePayload } from "./message-fields.ts";
import { frameVectors, fromHex, toHex, type MessageVector } from "./vectors.ts";
import { committedCore, WasmController } from "./wasm-controller.ts";

/** Every message with a layout: the single ones and those of the conversation. */
function allMessages(): MessageVector[] {
  const found = [...frameVectors.messages];
  for (const { answers, message, type, way, seq, crc_seed, fields, payload, wire } of frameVectors
    .conversation.steps) {
    found.push(...answers);
    if (message === undefined || type === undefined || way === undefined) continue;
    if (seq === undefined || crc_seed === undefined || fields === undefined) continue;
    if (payload === undefined || wire === undefined) continue;
    found.push({ message, type, way, seq, crc_seed, fields, payload, wire });
  }
  return found;
}

function describe(vector: MessageVector): string {
  return `${vector.message} with sequence number ${vector.seq}`;
}

test("the checksum is CRC-32/ISO-HDLC", () => {
  const { text, seed, crc } = frameVectors.crc32_check;
  assert.equal(crc, 0xcbf43926);
  assert.equal(crc32(new TextEncoder().encode(text), seed), crc);
});

test("TypeScript computes the schema hash and the limits CRC of the reference joints", () => {
  const joints = frameVectors.joints.map(({ name, kind }) => ({
    name,
    kind: kind === 0 ? ("revolute" as const) : ("prismatic" as const),
  }));
  assert.equal(schemaHash(joints), frameVectors.schema_hash);
  const payloads = frameVectors.conversation.steps
    .flatMap(({ answers }) => answers)
    .filter(({ message }) => message === "DESCRIPTION")
    .slice(0, frameVectors.joints.length)
    .map(({ payload }) => fromHex(payload));
  assert.equal(payloads.length, frameVectors.joints.length);
  assert.equal(limitsCrc(payloads), frameVectors.limits_crc);
});

test("the vectors hold every message type of the protocol", () => {
  const types = new Set(allMessages().map(({ type }) => type));
  const expected = [
    ...Array.from({ length: 14 }, (_, i) => i + 1),
    ...Array.from({ length: 7 }, (_, i) => 0x81 + i),
  ];
  assert.deepEqual(
    [...types].sort((a, b) => a - b),
    expected,
  );
});

test("the TypeScript encoder makes the wire bytes", () => {
  const encoder = new FrameEncoder();
  for (const vector of allMessages()) {
    const payload = fromHex(vector.payload);
    for (const [i, byte] of payload.entries()) encoder.payload.setUint8(i, byte);
    const end = encoder.finish(vector.type, vector.seq, payload.length, vector.crc_seed);
    assert.equal(toHex(encoder.bytes.subarray(0, end)), `00${vector.wire}`, describe(vector));
  }
});

test("the TypeScript writers make the payloads of the host", () => {
  let written = 0;
  for (const vector of allMessages().filter(({ way }) => way === "host")) {
    // The host speaks one version.
    if (vector.message === "HELLO" && vector.fields["major"] !== 1) continue;
    const out = new DataView(new ArrayBuffer(248));
    const length = writePayload(vector, out);
    assert.equal(toHex(new Uint8Array(out.buffer, 0, length)), vector.payload, describe(vector));
    written++;
  }
  assert.ok(written > 40);
});

test("the TypeScript readers read the fields", () => {
  let read = 0;
  for (const vector of allMessages()) {
    const payload = fromHex(vector.payload);
    const fields = readFields(vector, new DataView(payload.buffer));
    if (fields === undefined) continue;
    assert.deepEqual(fields, vector.fields, describe(vector));
    read++;
  }
  assert.ok(read > 40);
});

for (const stream of frameVectors.streams) {
  test(`stream: ${stream.name}`, async (t) => {
    const wire = fromHex(stream.wire);
    for (const pieceBytes of [wire.length, 1, 7]) {
      await t.test(`TypeScript, ${pieceBytes} bytes at a time`, () => {
        const frames: { type: number; seq: number; payload: string }[] = [];
        const decoder = new FrameDecoder((type, seq, payload, length) => {
          const bytes = new Uint8Array(payload.buffer, payload.byteOffset, length);
          frames.push({ type, seq, payload: toHex(bytes) });
        }, createDecoderCounters());
        decoder.seed = frameVectors.session_seed;
        for (let at = 0; at < wire.length; at += pieceBytes) {
          decoder.push(wire.subarray(at, at + pieceBytes));
        }
        const { crcErrors: crc_errors, ...counters } = decoder.counters;
        assert.deepEqual(frames, stream.frames);
        assert.deepEqual({ ...counters, crc_errors }, stream.counters);
      });
    }
    await t.test("C core", () => replayStream(committedCore, stream));
  });
}

/** Damaged copies of the vectors' frames, and noise. */
const damaged: fc.Arbitrary<number[]> = fc
  .record({
    wire: fc.constantFrom(...allMessages().map(({ wire }) => wire)),
    changes: fc.array(fc.record({ at: fc.nat(), xor: fc.nat(255) }), { maxLength: 2 }),
    from: fc.nat(3),
  })
  .map(({ wire, changes, from }) => {
    const bytes = [...fromHex(wire)];
    for (const { at, xor } of changes)
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ xor;
    return bytes.slice(from);
  });
const noise = fc.array(fc.nat(255), { maxLength: 300 });

test("TypeScript and the C core count the same in any stream", async () => {
  const stream = fc.array(fc.oneof(damaged, noise), { maxLength: 6 });
  const controller = await WasmController.create();
  fc.assert(
    fc.property(stream, (pieces) => {
      const bytes = Uint8Array.from(pieces.flat());
      controller.boot(1);
      const hello = { major: 0, minor: 0, sessionId: 0, features: 0 };
      const decoder = new FrameDecoder((type, _seq, payload, length) => {
        if (type !== MessageType.Hello || length !== 12) return;
        readHello(payload, hello);
        const isTaken = hello.major === 1 && hello.sessionId !== 0;
        if (isTaken) decoder.seed = (frameVectors.schema_hash ^ hello.sessionId) >>> 0;
      }, createDecoderCounters());
      decoder.seed = frameVectors.schema_hash;
      decoder.push(bytes);
      controller.receive(bytes);
      const { crcErrors: crc_errors, ...counters } = decoder.counters;
      const { replayed: _, ...counted } = controller.counters;
      assert.deepEqual(counted, { ...counters, crc_errors });
    }),
    { numRuns: 500 },
  );
});

test("the C core answers the conversation byte for byte", () => replayConversation(committedCore));

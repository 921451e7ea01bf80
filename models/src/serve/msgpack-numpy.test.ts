import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { isOmpError } from "../../../sdk/src/errors.ts";
import { pack, type Packed, unpack } from "./msgpack-numpy.ts";
import { NdArray } from "./nd-array.ts";

const anyArray: fc.Arbitrary<Packed> = fc
  .tuple(fc.constantFrom("<f4", ">f4", "<i2", "|u1", "|b1", "<f8"), fc.array(fc.nat(3)))
  .filter(([, shape]) => shape.length <= 8)
  .chain(([dtype, shape]) => {
    const bytes = shape.reduce((product, dim) => product * dim, Number(dtype.charAt(2)));
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((data) => new NdArray(dtype, shape, data));
  });

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ maxLength: 300, size: "max" }));

const { message: anyMessage } = fc.letrec<{ message: Packed }>((tie) => ({
  message: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.integer({ min: -40_000, max: 70_000 }),
    fc.double({ noNaN: true }),
    anyText,
    fc.uint8Array({ maxLength: 300, size: "max" }),
    anyArray,
    fc.array(tie("message")),
    fc.array(fc.tuple(anyText, tie("message"))).map((entries) => new Map(entries)),
  ),
}));

function isRefused(error: unknown): boolean {
  return isOmpError(error, "INVALID_OBSERVATION");
}

test("what is packed unpacks to the same value", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      assert.deepEqual(unpack(pack(message)), message);
    }),
  );
});

test("every other byte sequence is refused or read, never anything else", () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(anyMessage, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
      const bytes = pack(message);
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        unpack(bytes);
      } catch (error) {
        assert.ok(isRefused(error), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("a message that is cut short is refused at every byte", () => {
  fc.assert(
    fc.property(anyMessage, fc.nat(), (message, at) => {
      const bytes = pack(message);
      assert.throws(() => unpack(bytes.subarray(0, at % bytes.length)), isRefused);
    }),
  );
});

test("long texts, binaries and arrays carry their length in four bytes", () => {
  const long = 65_536;
  const cases: readonly [Packed, number][] = [
    ["x".repeat(long), 0xdb],
    [new Uint8Array(long), 0xc6],
    [Array.from({ length: long }, () => 1), 0xdd],
  ];
  for (const [value, code] of cases) {
    const bytes = pack(value);
    assert.deepEqual([...bytes.subarray(0, 5)], [code, 0, 1, 0, 0]);
    assert.deepEqual(unpack(bytes), value);
  }
});

test("hostile lengths and depths are refused before anything is allocated for them", () => {
  const messages: readonly (readonly [string, readonly number[], RegExp])[] = [
    ["4 GB of elements", [0xdd, 0xff, 0xff, 0xff, 0xff], /4294967295 elements in 0 bytes/],
    ["4 GB of entries", [0xdf, 0xff, 0xff, 0xff, 0xff, 0], /4294967295 entries/],
    ["4 GB of text", [0xdb, 0xff, 0xff, 0xff, 0xff], /4294967295 are announced/],
    ["depth", Array.from({ length: 1000 }, () => 0x91), /deeper than 16/],
    ["an extension", [0xd4, 1, 0], /0xd4/],
    ["a key twice", [0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2], /key a twice/],
    ["an integer as key", [0x81, 1, 1], /no text/],
    ["mixed keys", [0x82, 0xa1, 0x61, 1, 0xc4, 1, 0x62, 2], /binary and text/],
    ["2^63", [0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0], /past 2\^53/],
    ["bytes behind", [0xc0, 0xc0], /1 bytes after the end/],
    ["nothing", [], /0 bytes where 1/],
  ];
  for (const [name, bytes, message] of messages) {
    assert.throws(
      () => unpack(Uint8Array.from(bytes)),
      (error) => isRefused(error) && message.test(String(error)),
      name,
    );
  }
});

test("an array whose shape, type and bytes disagree is refused", () => {
  const bytes = new Uint8Array(8);
  for (const [dtype, shape] of [
    ["<f4", [3]],
    ["<f4", [-1, -2]],
    ["<f4", [0.5, 4]],
    ["<c8", [1]],
    ["f4", [2]],
    ["|O", [1]],
    ["|u1", [1, 1, 1, 1, 1, 1, 1, 1, 8]],
  ] as const) {
    assert.throws(() => new NdArray(dtype, shape, bytes), isRefused, `${dtype} [${shape.join()}]`);
  }
});

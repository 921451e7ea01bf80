import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { pack, type Packed, unpack } from "../../models/src/serve/msgpack-numpy.ts";
import { NdArray } from "../../models/src/serve/nd-array.ts";
import { repositoryPath } from "../support/repository.ts";
import { needsPython, runPythonFile } from "./python.ts";

/** What test/python/msgpack_vectors.py writes. */
interface MessageVectors {
  readonly messages: readonly {
    readonly name: string;
    readonly bytes: string;
    readonly value: unknown;
  }[];
}

const golden: MessageVectors = JSON.parse(
  readFileSync(repositoryPath("test", "vectors", "msgpack-numpy.json"), "utf8"),
);

/** As `described` of msgpack_vectors.py; a numpy scalar has become the plain value that it is. */
function described(value: Packed): unknown {
  if (value instanceof NdArray) {
    const values = Array.from({ length: value.size }, (_, i) => value.at(i));
    return { ndarray: value.dtype, shape: value.shape, values };
  }
  if (value instanceof Uint8Array) return { binary: Buffer.from(value).toString("hex") };
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, entry]) => [key, described(entry)]));
  }
  return Array.isArray(value) ? value.map((entry: Packed) => described(entry)) : value;
}

function plainScalars(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, entry: unknown) =>
    typeof entry === "object" && entry !== null && "scalar" in entry ? entry.scalar : entry,
  );
}

test("messages of Python's msgpack and numpy are read as what they are", () => {
  assert.ok(golden.messages.length > 10);
  for (const { name, bytes, value } of golden.messages) {
    const read = unpack(Buffer.from(bytes, "hex"));
    assert.deepEqual(described(read), plainScalars(value), name);
  }
});

test("messages are written byte for byte as Python writes them", () => {
  for (const { name, bytes } of golden.messages) {
    // A numpy scalar arrives as a plain number and leaves as one.
    if (name === "numpy scalars") continue;
    const read = unpack(Buffer.from(bytes, "hex"));
    assert.equal(Buffer.from(pack(read)).toString("hex"), bytes, name);
  }
});

test("the golden messages are what Python writes today", needsPython, async () => {
  assert.deepEqual(JSON.parse(await runPythonFile("msgpack_vectors.py")), golden);
});

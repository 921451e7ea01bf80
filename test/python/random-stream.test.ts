import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { createRandom } from "../../sdk/src/random.ts";
import { repositoryPath } from "../support/repository.ts";
import { needsPython, runPythonFile } from "./python.ts";

/** What test/python/random_vectors.py writes; each list is drawn from a fresh stream. */
interface RandomVectors {
  readonly streams: readonly {
    readonly seed: number;
    readonly uint32: readonly number[];
    readonly "uniform_0.14_0.21": readonly number[];
    /** float32 values */
    readonly normal: readonly number[];
  }[];
}

const golden: RandomVectors = JSON.parse(
  readFileSync(repositoryPath("test", "vectors", "random.json"), "utf8"),
);

/** Normal samples pass through the platform's log, cos and sin: one unit in the last float32 place. */
function assertSameNormals(actual: Iterable<number>, expected: readonly number[]): void {
  const values = [...actual];
  assert.equal(values.length, expected.length);
  for (const [i, value] of values.entries()) {
    const target = expected[i] ?? Number.NaN;
    const ulp = 2 ** (Math.floor(Math.log2(Math.abs(target))) - 23);
    assert.ok(Math.abs(value - target) <= ulp, `sample ${i} is ${value}, expected ${target}`);
  }
}

test("the TypeScript stream reproduces the golden vectors", () => {
  assert.ok(golden.streams.length > 4);
  for (const { seed, uint32, "uniform_0.14_0.21": uniform, normal } of golden.streams) {
    const bits = createRandom(seed);
    assert.deepEqual(
      uint32.map(() => bits.nextUint32()),
      uint32,
    );
    const range = createRandom(seed);
    assert.deepEqual(
      uniform.map(() => range.uniform(0.14, 0.21)),
      uniform,
    );
    const samples = new Float32Array(normal.length);
    createRandom(seed).fillNormal(samples);
    assertSameNormals(samples, normal);
  }
});

test("the Python stream reproduces the golden vectors", needsPython, async () => {
  const made: RandomVectors = JSON.parse(await runPythonFile("random_vectors.py"));
  assert.equal(made.streams.length, golden.streams.length);
  for (const [i, expected] of golden.streams.entries()) {
    const actual = made.streams[i];
    assert.ok(actual);
    assertSameNormals(actual.normal, expected.normal);
    assert.deepEqual({ ...actual, normal: [] }, { ...expected, normal: [] });
  }
});

test("seeds that share their lowest 32 bits share their stream", () => {
  assert.deepEqual(
    [createRandom(2 ** 32 + 41).nextUint32(), createRandom(-1).nextUint32()],
    [createRandom(41).nextUint32(), createRandom(2 ** 32 - 1).nextUint32()],
  );
});

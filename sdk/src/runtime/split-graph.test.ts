import assert from "node:assert/strict";
import { test } from "node:test";

import { BoundGraph } from "./bound-graph.ts";
import { SplitGraph } from "./split-graph.ts";

interface TestTensor {
  readonly data: Float32Array;
}

function metadata(
  name: string,
  shape: readonly number[],
): {
  readonly name: string;
  readonly isTensor: true;
  readonly type: "float32";
  readonly shape: readonly number[];
} {
  return { name, isTensor: true, type: "float32", shape };
}

/** A graph of one output that `evaluate` fills; counts its runs. */
function createGraph(
  inputs: Readonly<Record<string, readonly number[]>>,
  [output, shape]: readonly [string, readonly number[]],
  evaluate: (feeds: Readonly<Record<string, TestTensor>>, out: Float32Array) => void,
): { readonly graph: BoundGraph<TestTensor>; readonly runs: { count: number } } {
  const runs = { count: 0 };
  const graph = new BoundGraph<TestTensor>({
    session: {
      inputMetadata: Object.entries(inputs).map(([name, size]) => metadata(name, size)),
      outputMetadata: [metadata(output, shape)],
      run: async (feeds, fetches) => {
        runs.count += 1;
        evaluate(feeds, fetches[output]?.data ?? new Float32Array());
        return Promise.resolve({});
      },
      release: async () => Promise.resolve(),
    },
    createTensor: (data) => ({ data }),
    writesFetches: true,
  });
  return { graph, runs };
}

/** Features are the step and its square; the action is the sum of all features. */
function createSplit(): {
  readonly split: SplitGraph<TestTensor>;
  readonly encoded: { count: number };
} {
  const encoder = createGraph({ state: [1, 1] }, ["features", [1, 2]], ({ state }, out) => {
    const value = state?.data[0] ?? Number.NaN;
    out.set([value, value * value]);
  });
  const head = createGraph(
    { features: [1, 2, 2], noise: [1, 1, 1] },
    ["action", [1, 1, 1]],
    ({ features }, out) => {
      out[0] = features?.data.reduce((sum, value) => sum + value, 0) ?? Number.NaN;
    },
  );
  return { split: new SplitGraph(encoder.graph, head.graph), encoded: encoder.runs };
}

test("only steps that were not in the last observation are encoded", async () => {
  const { split, encoded } = createSplit();
  const action = new Float32Array(1);
  const infer = async (older: number, newer: number): Promise<number> => {
    const before = encoded.count;
    const inputs = new Map([
      ["state", Float32Array.of(older, newer)],
      ["noise", new Float32Array(1)],
    ]);
    await split.infer(inputs, new Map([["action", action]]));
    assert.equal(action[0], older + older ** 2 + newer + newer ** 2);
    return encoded.count - before;
  };
  assert.equal(await infer(3, 3), 1, "the first observation of an episode stands for both steps");
  assert.equal(await infer(3, 4), 1);
  assert.equal(await infer(4, 5), 1);
  assert.equal(await infer(7, 8), 2, "a gap");
  assert.equal(await infer(7, 8), 0);
  assert.equal(await infer(8, 7), 0, "in any place");
  assert.equal(await infer(1, 1), 1, "another episode");
  assert.equal(await infer(3, 4), 2, "what was seen long ago is forgotten");
});

test("its inputs are the whole observation, and one inference runs at a time", async () => {
  const { split } = createSplit();
  assert.deepEqual(
    split.inputs.map(({ name, shape }) => [name, [...shape]]),
    [
      ["state", [1, 2, 1]],
      ["noise", [1, 1, 1]],
    ],
  );
  const { inputs, outputs } = split.memory;
  const first = split.infer(inputs, outputs);
  await assert.rejects(split.infer(inputs, outputs), /an inference is running/);
  await first;
});

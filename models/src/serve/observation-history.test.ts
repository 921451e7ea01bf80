import assert from "node:assert/strict";
import { test } from "node:test";

import type { ObservationSpec } from "../../../sdk/src/bundle/manifest.ts";
import { isOmpError } from "../../../sdk/src/errors.ts";
import { parseKeyMap } from "./key-map.ts";
import { NdArray } from "./nd-array.ts";
import { ObservationHistory } from "./observation-history.ts";

function spec(key: string, shape: readonly number[]): ObservationSpec {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const names = Array.from({ length: shape.at(-1) ?? 0 }, (_, i) => `${key}.${i}`);
  return { key, shape, size, dtype: "float32", unit: "m", names, rateHz: 20, maxAgeMs: 100 };
}

const observations = [spec("state", [1]), spec("cloud", [2, 3])];

/** One or several steps whose every element is the step's number. */
function steps(...numbers: readonly number[]): (key: string) => NdArray | undefined {
  return (key) => {
    const { shape, size } = observations.find((one) => one.key === key) ?? spec(key, [1]);
    const values = numbers.flatMap((number) => Array.from({ length: size }, () => number));
    const batch = numbers.length === 1 ? [] : [numbers.length];
    return NdArray.fromFloat32(values, [...batch, ...shape]);
  };
}

function newestFirst(history: ObservationHistory): (number | undefined)[] {
  const cloud = history.values["cloud"] ?? [];
  assert.deepEqual([...(history.values["state"] ?? [])], [cloud[0], cloud[6], cloud[12]]);
  return [cloud[17], cloud[11], cloud[5]];
}

test("the first step of an episode stands for those before it, later ones push the oldest out", () => {
  const history = new ObservationHistory(observations, 3);
  history.push(steps(5));
  assert.deepEqual(newestFirst(history), [5, 5, 5]);
  history.push(steps(6));
  assert.deepEqual(newestFirst(history), [6, 5, 5]);
  history.push(steps(7, 8));
  assert.deepEqual(newestFirst(history), [8, 7, 6]);
  history.push(steps(9, 10, 11, 12));
  assert.deepEqual(newestFirst(history), [12, 11, 10]);
  history.reset();
  history.push(steps(1, 2));
  assert.deepEqual(newestFirst(history), [2, 1, 1]);
});

test("a step that does not fit is refused by its key and leaves the history as it was", () => {
  const history = new ObservationHistory(observations, 3);
  history.push(steps(1));
  const good = steps(2);
  const refused: readonly [string, NdArray | string | undefined, RegExp][] = [
    ["cloud", undefined, /cloud .*no such key.*\[2, 3\]/],
    ["cloud", "text", /cloud .*a string/],
    ["cloud", NdArray.fromFloat32([1, 2, 3, 4, 5, 6], [3, 2]), /cloud .*\[3, 2\]/],
    ["cloud", NdArray.fromFloat32(Array.from({ length: 6 }), [1, 1, 2, 3]), /cloud/],
    ["cloud", NdArray.fromFloat32([], [0, 2, 3]), /cloud .*\[0, 2, 3\]/],
    ["cloud", steps(2, 3)("cloud"), /cloud has another number of steps.*Observed: 2.*Expected: 1/],
  ];
  for (const [key, value, message] of refused) {
    assert.throws(
      () => history.push((name) => (name === key ? value : good(name))),
      (error) => isOmpError(error, "INVALID_OBSERVATION") && message.test(error.message),
    );
    assert.deepEqual(newestFirst(history), [1, 1, 1]);
  }
});

test("a key map names every observation once", () => {
  const map = parseKeyMap(["observation/cloud=cloud"], observations);
  assert.deepEqual(
    [...map],
    [
      ["state", "state"],
      ["cloud", "observation/cloud"],
    ],
  );
  for (const pairs of [["cloud"], ["a=b"], ["=cloud"], ["a=cloud", "b=cloud"], ["state=cloud"]]) {
    assert.throws(
      () => parseKeyMap(pairs, observations),
      (error) => isOmpError(error, "INVALID_ARGUMENT"),
    );
  }
});

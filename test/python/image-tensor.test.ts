import assert from "node:assert/strict";
import { test } from "node:test";

import { ImageTensor } from "omp-edge";

import { needsPython, runPythonFile } from "./python.ts";

/** What test/python/picture_vectors.py writes of one picture, RGB. */
interface PictureCase {
  readonly width: number;
  readonly height: number;
  readonly pixels: readonly number[];
  readonly out_width: number;
  readonly out_height: number;
  readonly tensor: readonly number[];
}

/** Differences from the training's tensor, in steps of 1 / 255. */
function differences(picture: PictureCase): { readonly largest: number; readonly mean: number } {
  const { width, height, out_width: outWidth, out_height: outHeight } = picture;
  const maker = new ImageTensor({ format: "rgb8", width, height, outWidth, outHeight });
  const tensor = new Float32Array(maker.size);
  maker.make(Uint8Array.from(picture.pixels), tensor);
  assert.equal(tensor.length, picture.tensor.length);
  const all = picture.tensor.map((v, i) => 255 * Math.abs(v - (tensor[i] ?? Number.NaN)));
  return { largest: Math.max(...all), mean: all.reduce((sum, one) => sum + one, 0) / all.length };
}

test("pictures become the tensors that are imported for training", needsPython, async () => {
  const made: { readonly plain: PictureCase; readonly scaled: readonly PictureCase[] } = JSON.parse(
    await runPythonFile("picture_vectors.py"),
  );
  assert.equal(differences(made.plain).largest, 0);
  assert.equal(made.scaled.length, 4);
  for (const picture of made.scaled) {
    const { largest, mean } = differences(picture);
    const label = `${picture.width} x ${picture.height} to ${picture.out_width}`;
    // FFmpeg rounds to whole steps, and its weights to 14 bits.
    assert.ok(largest <= 5 && mean <= 1, `${label}: ${largest}, ${mean} of 255`);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { isOmpError } from "../errors.ts";
import { ImageTensor, type ImageTensorSpec, pixelFormats } from "./image-tensor.ts";

function tensorOf(spec: ImageTensorSpec, frame: ArrayLike<number>): number[] {
  const maker = new ImageTensor(spec);
  const out = new Float32Array(maker.size);
  maker.make(Uint8Array.from(frame), out);
  return Array.from(out, (value) => Math.round(255 * value * 1000) / 1000);
}

test("every format gives red, green and blue planes", () => {
  const size = { width: 2, height: 1, outWidth: 2, outHeight: 1 };
  const planes = [10, 40, 20, 50, 30, 60];
  assert.deepEqual(tensorOf({ format: "rgb8", ...size }, [10, 20, 30, 40, 50, 60]), planes);
  assert.deepEqual(tensorOf({ format: "bgr8", ...size }, [30, 20, 10, 60, 50, 40]), planes);
  assert.deepEqual(tensorOf({ format: "rgbx8", ...size }, [10, 20, 30, 9, 40, 50, 60, 9]), planes);
  assert.deepEqual(tensorOf({ format: "bgrx8", ...size }, [30, 20, 10, 9, 60, 50, 40, 9]), planes);
  assert.deepEqual(tensorOf({ format: "gray8", ...size }, [7, 8]), [7, 8, 7, 8, 7, 8]);
});

test("a crop takes its part and nothing around it", () => {
  const frame = Array.from({ length: 30 }, (_, i) => i);
  const crop = { x: 1, y: 2, width: 3, height: 2 };
  const size = { width: 5, height: 6, outWidth: 3, outHeight: 2 };
  const [plane] = [tensorOf({ format: "gray8", ...size, crop }, frame).slice(0, 6)];
  assert.deepEqual(plane, [11, 12, 13, 16, 17, 18]);
});

test("scaling keeps an even picture even, and every value within those of the picture", () => {
  const side = fc.integer({ min: 1, max: 24 });
  fc.assert(
    fc.property(side, side, side, side, fc.infiniteStream(fc.nat(255)), (w, h, ow, oh, bytes) => {
      const spec = { format: "gray8", width: w, height: h, outWidth: ow, outHeight: oh } as const;
      assert.ok(tensorOf(spec, new Uint8Array(w * h).fill(93)).every((value) => value === 93));
      const frame = [...bytes.take(w * h)];
      const tensor = tensorOf(spec, frame);
      const [low, high] = [Math.min(...frame), Math.max(...frame)];
      assert.ok(tensor.every((value) => value >= low - 0.001 && value <= high + 0.001));
      if (w === ow && h === oh) assert.deepEqual(tensor.slice(0, w * h), frame);
    }),
  );
});

test("what does not fit is refused", () => {
  const spec = { format: "rgb8", width: 4, height: 3, outWidth: 2, outHeight: 2 } as const;
  const changes: readonly Partial<ImageTensorSpec>[] = [
    { width: 0 },
    { outHeight: 1.5 },
    { crop: { x: 2, y: 0, width: 3, height: 3 } },
    { crop: { x: -1, y: 0, width: 3, height: 3 } },
  ];
  for (const change of changes) {
    assert.throws(
      () => new ImageTensor({ ...spec, ...change }),
      (error) => isOmpError(error, "INVALID_ARGUMENT"),
      JSON.stringify(change),
    );
  }
  assert.throws(() => tensorOf(spec, [1, 2, 3]), /36 bytes/);
  assert.deepEqual(Object.keys(pixelFormats), ["rgb8", "bgr8", "rgbx8", "bgrx8", "gray8"]);
});

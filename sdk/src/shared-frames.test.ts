import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { isOmpError } from "./errors.ts";
import {
  createSharedFrames,
  FrameReader,
  FrameWriter,
  overwrittenFrames,
} from "./shared-frames.ts";

test("the reader takes the newest frame once, and keeps it whatever is written meanwhile", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (isWrite) => {
      const frames = createSharedFrames(5);
      const writer = new FrameWriter(frames);
      const reader = new FrameReader(frames);
      let written = 0;
      let taken = 0;
      let overwritten = 0;
      for (const write of isWrite) {
        if (write) {
          if (taken < written) overwritten += 1;
          written += 1;
          writer.frame.fill(written);
          writer.publish(written / 3);
        } else {
          assert.equal(reader.take(), taken < written);
          taken = written;
        }
        // Half a frame that nobody has published yet.
        writer.frame.fill(255, 2);
        if (taken > 0 && !write) {
          assert.deepEqual(reader.frame, new Uint8Array(5).fill(taken));
          assert.equal(reader.capturedAtMs, taken / 3);
        }
        assert.equal(overwrittenFrames(frames), overwritten);
      }
    }),
  );
});

test("frames of no or too many bytes are refused", () => {
  for (const size of [0, 0.5, 2 ** 28 + 1, Number.NaN]) {
    assert.throws(
      () => createSharedFrames(size),
      (error) => isOmpError(error, "INVALID_ARGUMENT"),
    );
  }
});

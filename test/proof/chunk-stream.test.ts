import assert from "node:assert/strict";
import { test } from "node:test";

import { ptyFirmwareSkip } from "../conformance/pty-firmware.ts";
import { streamChunks } from "./chunk-stream.ts";

test(
  "every tick of a streamed motion is the reference's while the host is blocked for up to 60 ms",
  { skip: ptyFirmwareSkip ?? false },
  async (t) => {
    const { firstMismatch, ...stream } = await streamChunks(6000, 1);
    t.diagnostic(JSON.stringify(stream));
    assert.equal(stream.mismatches, 0, firstMismatch);
    assert.ok(stream.samples > 3000, `${stream.samples} ticks`);
    assert.ok(stream.movingSamples > stream.samples / 2, `${stream.movingSamples} moving ticks`);
    assert.ok(stream.chunks > 10, `${stream.chunks} chunks`);
    assert.ok(stream.stalls > 10, `${stream.stalls} stalls`);
  },
);

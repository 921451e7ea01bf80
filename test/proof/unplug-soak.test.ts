import assert from "node:assert/strict";
import { test } from "node:test";

import { ptyFirmwareSkip } from "../conformance/pty-firmware.ts";
import { soakUnplugs } from "./unplug-soak.ts";

test(
  "a cable pulled at random moments: nothing old arrives, nothing moves unexplained",
  { skip: ptyFirmwareSkip ?? false },
  async () => {
    const cycles = 6;
    const driver = process.platform === "linux" ? "linux-tty" : "serialport";
    const soak = await soakUnplugs(() => {}, { cycles, seed: 1, driver });
    assert.equal(soak.crashes, 0);
    assert.equal(soak.unplugs, cycles);
    assert.equal(soak.stale_bytes, 0);
    assert.equal(soak.stale_chunks, 0);
    assert.equal(soak.unexplained_motion, 0);
    assert.ok(soak.moving_samples > 0 && soak.moving_samples < soak.path_samples, "it moved");
  },
);

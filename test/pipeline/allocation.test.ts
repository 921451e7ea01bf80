import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** V8 boxes a double that crosses a call it does not inline: the time a tick is given. */
const BOXED_DOUBLE_BYTES = 16;

test("a tick without an inference allocates nothing but the box of its time", () => {
  const probe = fileURLToPath(new URL("./allocation-probe.js", import.meta.url));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--expose-gc", "--max-semi-space-size=64", probe],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  const bytesPerTick = Number(stdout);
  assert.ok(bytesPerTick < 2 * BOXED_DOUBLE_BYTES, `${bytesPerTick} bytes a tick`);
});

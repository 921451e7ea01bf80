import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** A number that crosses a call which V8 does not inline is boxed. */
const BOXED_DOUBLE_BYTES = 16;

test("no way to join chunks leaves more on the heap than a boxed number", () => {
  const probe = fileURLToPath(new URL("./handover-allocation-probe.js", import.meta.url));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--expose-gc", "--max-semi-space-size=64", probe],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  const bytes: Record<string, number> = JSON.parse(stdout);
  assert.equal(Object.keys(bytes).length, 4);
  for (const [name, perChunk] of Object.entries(bytes)) {
    assert.ok(perChunk < 2 * BOXED_DOUBLE_BYTES, `${name}: ${perChunk} bytes a chunk`);
  }
});

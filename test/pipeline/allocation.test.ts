import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** V8 boxes a double that crosses a call it does not inline: the time a tick is given. */
const BOXED_DOUBLE_BYTES = 16;

function runProbe(name: string): string {
  const probe = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    // On one thread V8 compiles at the same moments in every run, however busy the machine is.
    ["--single-threaded", "--expose-gc", "--max-semi-space-size=64", probe],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Of one chunk of the tiny policy, from its observation to the verdict: promises, verdicts and boxes. */
const CHUNK_BYTES = 16_384;

test("a minute of ticks at 500 Hz in a worker allocates nothing, and a chunk little", (t) => {
  const { tickBytes, collections, chunkBytes }: Record<string, number> = JSON.parse(
    runProbe("allocation-probe"),
  );
  t.diagnostic(`${chunkBytes} bytes a chunk`);
  assert.ok((tickBytes ?? Number.NaN) < 1, `${tickBytes} bytes a tick`);
  assert.equal(collections, 0);
  assert.ok((chunkBytes ?? Number.NaN) < CHUNK_BYTES, `${chunkBytes} bytes a chunk`);
});

test("to clamp a chunk, to keep it in the workspace and to look at a joint state allocates next to nothing", () => {
  const { enforce, check }: Record<"enforce" | "check", number> = JSON.parse(
    runProbe("guard-allocation-probe"),
  );
  // A box for one in three of its 48 waypoints would be more.
  assert.ok(enforce < 16 * BOXED_DOUBLE_BYTES, `${enforce} bytes a chunk`);
  assert.ok(check < BOXED_DOUBLE_BYTES, `${check} bytes a joint state`);
});

test("a sample from another thread allocates nothing but the box of its time, a cloud next to nothing", () => {
  const { sample, image, fresh }: Record<"sample" | "image" | "fresh", number> = JSON.parse(
    runProbe("sensor-allocation-probe"),
  );
  assert.equal(fresh, 240_000);
  assert.ok(sample < 2 * BOXED_DOUBLE_BYTES, `${sample} bytes a sample`);
  // An array of its 64 points alone would be more.
  assert.ok(image < 8 * BOXED_DOUBLE_BYTES, `${image} bytes an image`);
});

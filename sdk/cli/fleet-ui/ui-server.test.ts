import assert from "node:assert/strict";
import { test } from "node:test";

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { FaultReason } from "../../src/faults.ts";
import { faultSections } from "./ui-server.ts";

test("FAULTS.md has a section for every fault, with what to do", async () => {
  const path = fileURLToPath(
    new URL("./sdk/FAULTS.md", import.meta.resolve("omp-edge/package.json")),
  );
  const sections = faultSections(await readFile(path, "utf8"));
  assert.deepEqual(Object.keys(sections).sort(), Object.values(FaultReason).sort());
  for (const [reason, paragraphs] of Object.entries(sections)) {
    assert.ok(paragraphs.length >= 2, reason);
    assert.match(paragraphs.at(-1) ?? "", /^Next: /, reason);
  }
});

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { repositoryPath } from "../support/repository.ts";
import { missingTools } from "./tools.ts";

const skip = missingTools(["make", "cc", "python3"]);
let directory = "";

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "omp-core-"));
});
after(() => rm(directory, { recursive: true, force: true }));

/** Builds and runs a target of the firmware's Makefile; its last line. */
async function make(target: string): Promise<string> {
  const firmware = repositoryPath("firmware-bridge", "firmware");
  const args = ["-s", "-C", firmware, target, `BUILD=${directory}`];
  const { stdout } = await promisify(execFile)("make", args);
  return stdout.trimEnd().split("\n").at(-1) ?? "";
}

test("the native core passes the golden vectors and the fuzzer", { skip }, async () => {
  assert.match(await make("test"), /^\d{5,} checks passed in \d{5,} lines$/);
});

test("the sanitized core passes the golden vectors and the fuzzer", { skip }, async (t) => {
  const source = join(directory, "empty.c");
  await writeFile(source, "int main(void) { return 0; }\n");
  const flags = ["-fsanitize=address,undefined", "-o", join(directory, "empty"), source];
  if (spawnSync("cc", flags, { stdio: "ignore" }).status !== 0) {
    t.skip("cc has no address and undefined-behaviour sanitizer");
    return;
  }
  assert.match(await make("asan"), /^\d{5,} checks passed in \d{5,} lines$/);
});

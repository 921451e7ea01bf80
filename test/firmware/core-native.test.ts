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

/** The last of what `make test` runs; each of them ends it when it fails. */
const passed = /^\d{5,} checks passed$/;
/** Short: the corpus is made anew each time. `make fuzz` runs ten million. */
const fuzzRuns = 20_000;

/** Builds and runs a target of the firmware's Makefile; its lines, both outputs. */
async function makeLines(target: string, ...more: readonly string[]): Promise<string[]> {
  const firmware = repositoryPath("firmware-bridge", "firmware");
  const args = ["-s", "-C", firmware, target, `BUILD=${directory}`, ...more];
  const { stdout, stderr } = await promisify(execFile)("make", args, { maxBuffer: 1 << 24 });
  return `${stdout}${stderr}`.trimEnd().split("\n");
}

/** The last line. */
async function make(target: string): Promise<string> {
  return (await makeLines(target)).at(-1) ?? "";
}

async function canBuild(compiler: string, flag: string, program: string): Promise<boolean> {
  const source = join(directory, "probe.c");
  await writeFile(source, program);
  const args = [flag, "-o", join(directory, "probe"), source];
  return spawnSync(compiler, args, { stdio: "ignore" }).status === 0;
}

test("the native core passes the golden vectors and the fuzzer", { skip }, async () => {
  assert.match(await make("test"), passed);
});

test("the sanitized core passes the golden vectors and the fuzzer", { skip }, async (t) => {
  if (!(await canBuild("cc", "-fsanitize=address,undefined", "int main(void) { return 0; }\n"))) {
    t.skip("cc has no address and undefined-behaviour sanitizer");
    return;
  }
  assert.match(await make("asan"), passed);
});

test("libFuzzer finds nothing in the sanitized core", { skip }, async (t) => {
  const probe =
    "#include <stddef.h>\n#include <stdint.h>\n" +
    "int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n) { return d == 0 && n > 0; }\n";
  if (!(await canBuild("clang", "-fsanitize=fuzzer,address,undefined", probe))) {
    t.skip("clang with libFuzzer is not installed: the fuzzer of the tests above runs without it");
    return;
  }
  const lines = await makeLines(
    "fuzz",
    `FUZZ_RUNS=${fuzzRuns}`,
    "FUZZ_FLAGS=-max_len=2048 -seed=1",
  );
  assert.ok(
    lines.some((line) => line.startsWith(`Done ${fuzzRuns} runs`)),
    lines.slice(-5).join("\n"),
  );
  const coverage = /cov: (\d+)/.exec(lines.findLast((line) => line.includes("cov:")) ?? "")?.[1];
  t.diagnostic(`${fuzzRuns} inputs, ${coverage} edges`);
});

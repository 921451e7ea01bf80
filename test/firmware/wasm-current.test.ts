import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { repositoryPath } from "../support/repository.ts";
import { replayConversation, replayScenario, replayStream } from "./core-replay.ts";
import { missingTools } from "./tools.ts";
import { frameVectors, trajectoryVectors } from "./vectors.ts";
import { committedCore } from "./wasm-controller.ts";

/** The part of the standard that this file uses; Node's types leave it to the DOM library. */
declare const WebAssembly: {
  readonly Module: {
    new (bytes: Uint8Array): object;
    customSections(module: object, name: string): readonly ArrayBuffer[];
    imports(module: object): readonly { readonly module: string; readonly name: string }[];
  };
};

/** Name and version of the compiler, as it wrote them into the module. */
function compilerOf(core: Uint8Array): string {
  const module = new WebAssembly.Module(core);
  const [section] = WebAssembly.Module.customSections(module, "producers");
  assert.ok(section, "the module does not name its compiler");
  const words = Buffer.from(section)
    .toString("latin1")
    .split(/[^ -~]+/);
  return words.filter((word) => word !== "" && word !== "processed-by").join(" ");
}

test("the core needs nothing but its observer: no allocation, no library", () => {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(committedCore));
  assert.deepEqual(
    imports.map(({ module, name }) => `${module}.${name}`),
    ["env.observe"],
  );
});

const skip = missingTools(["make", "clang", "wasm-ld"]);

test("the committed WebAssembly core is the one the sources make", { skip }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "omp-wasm-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, "omp_core.wasm");
  const firmware = repositoryPath("firmware-bridge", "firmware");
  await promisify(execFile)("make", ["-s", "-C", firmware, "wasm", `WASM=${path}`]);
  const built: Uint8Array = await readFile(path);
  const compiler = compilerOf(built);
  const committedBy = compilerOf(committedCore);
  const isSameCompiler = compiler === committedBy;

  await t.test(
    `byte for byte, with ${committedBy}`,
    { skip: isSameCompiler ? false : `this is ${compiler}: behaviour is compared instead` },
    () => {
      const isSame = Buffer.compare(built, committedCore) === 0;
      assert.ok(isSame, "stale: run make -C firmware-bridge/firmware wasm, and commit");
    },
  );
  await t.test(`in behaviour, built with ${compiler}`, async () => {
    await replayConversation(built);
    for (const stream of frameVectors.streams) await replayStream(built, stream);
    for (const scenario of trajectoryVectors.scenarios) await replayScenario(built, scenario);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { build, type BuildResult } from "esbuild";

import { repositoryRoot } from "../support/repository.ts";

async function bundleForBrowser(
  ...entries: readonly string[]
): Promise<BuildResult<{ metafile: true }>> {
  const contents = entries.map((entry) => `export * from "${entry}";`).join("\n");
  return build({
    stdin: { contents, resolveDir: repositoryRoot },
    absWorkingDir: repositoryRoot,
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
}

test("omp-edge, /web and /testing bundle for a browser without a Node built-in", async (t) => {
  const { metafile } = await bundleForBrowser("omp-edge", "omp-edge/web", "omp-edge/testing");
  const inputs = Object.keys(metafile.inputs).filter((input) => input !== "<stdin>");
  const foreign = inputs.filter(
    (input) =>
      !/^dist\/sdk\/src\/(?!runtime\/node\/)/.test(input) &&
      !/^dist\/firmware-bridge\/src\/(testing|servo|protocol)\//.test(input) &&
      !input.startsWith("node_modules/@rgrove/parse-xml/dist/") &&
      !input.startsWith("node_modules/onnxruntime-web/dist/ort.wasm."),
  );
  assert.deepEqual(foreign, []);
  assert.ok(inputs.includes("dist/sdk/src/runtime/web/load-policy.js"));
  const [output] = Object.values(metafile.outputs);
  assert.deepEqual(output?.imports, [], "nothing is left to be resolved");
  t.diagnostic(`${Math.round((output?.bytes ?? 0) / 1024)} KiB before minification`);
});

test("what needs Node does not bundle for a browser", async () => {
  for (const entry of ["omp-edge/node", "omp-edge/serial"]) {
    await assert.rejects(bundleForBrowser(entry), /node:/);
  }
});

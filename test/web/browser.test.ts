import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { build } from "esbuild";
import { FileBundleReader, OrtSession } from "omp-edge/node";
import type * as Web from "omp-edge/web";
import type { OrtWebOptions } from "omp-edge/web";
import type { Browser } from "playwright-core";

import { launchChromium, needsChromium, openPage } from "../support/chromium.ts";
import { repositoryPath, repositoryRoot } from "../support/repository.ts";
import { startStaticServer, type StaticServer } from "../support/static-server.ts";
import type * as Golden from "../support/golden-outputs.ts";
import { goldenOutputs, type GoldenOutputs, largestDifference } from "../support/golden-outputs.ts";

declare global {
  /** Of the page under test. */
  var omp: typeof Web & typeof Golden;
}

const ortFolder = repositoryPath("node_modules/onnxruntime-web/dist");
const bundle = repositoryPath("models/bundles/so101-push");
const folder = mkdtempSync(join(tmpdir(), "omp-browser-"));
const parts: { browser?: Browser; plain?: StaticServer; isolated?: StaticServer } = {};

before(async () => {
  if (needsChromium.skip !== false) return;
  const contents =
    'export * from "omp-edge/web"; export * from "./dist/test/support/golden-outputs.js";';
  await build({
    stdin: { contents, resolveDir: repositoryRoot },
    bundle: true,
    format: "esm",
    platform: "browser",
    outfile: join(folder, "omp.js"),
    logLevel: "silent",
  });
  copyFileSync(
    join(ortFolder, "ort-wasm-simd-threaded.wasm"),
    join(folder, "ort-wasm-simd-threaded.wasm"),
  );
  writeFileSync(
    join(folder, "index.html"),
    '<!doctype html><link rel="icon" href="data:," />' +
      '<script type="module">import * as omp from "./omp.js"; globalThis.omp = omp;</script>',
  );
  const folders = { "/so101-push/": bundle, "/ort/": ortFolder, "/": folder };
  parts.plain = await startStaticServer(folders);
  parts.isolated = await startStaticServer(folders, { isCrossOriginIsolated: true });
  parts.browser = await launchChromium();
});

after(async () => {
  await parts.browser?.close();
  await parts.plain?.close();
  await parts.isolated?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** In the page: what onnxruntime-web answers there to the golden cases. */
async function goldenInBrowser(
  server: StaticServer | undefined,
  variant: string,
  options: OrtWebOptions,
): Promise<GoldenOutputs> {
  assert.ok(parts.browser !== undefined && server !== undefined);
  const { page, problems } = await openPage(parts.browser, `${server.origin}/`);
  const outputs = await page.evaluate(
    async ({ name, ort }) => {
      const reader = new omp.FetchBundleReader("so101-push");
      return omp.goldenOutputs(reader, new omp.OrtWebSession(ort), name);
    },
    { name: variant, ort: options },
  );
  assert.deepEqual(problems, []);
  await page.close();
  return outputs;
}

for (const [variant, tolerance] of [
  ["fp32", 1e-4],
  ["int8", undefined],
] as const) {
  test(`a browser reproduces the golden cases, ${variant}`, needsChromium, async (t) => {
    const web = await goldenInBrowser(parts.plain, variant, {});
    const node = await goldenOutputs(new FileBundleReader(bundle), new OrtSession(), variant);
    const difference = largestDifference(web.observed, node.observed);
    t.diagnostic(`${web.runtime} in Chromium ${parts.browser?.version()}`);
    t.diagnostic(`largest difference from ${node.runtime}: ${difference} rad`);
    assert.equal(web.activeProvider, "wasm");
    assert.ok(difference <= (tolerance ?? web.tolerance), `${difference}`);
    assert.ok(largestDifference(web.observed, web.expected) <= web.tolerance);
  });
}

test("an isolated page reproduces them with two threads", needsChromium, async () => {
  const options = { numThreads: 2, wasmPaths: "/ort/" };
  const web = await goldenInBrowser(parts.isolated, "int8", options);
  assert.ok(largestDifference(web.observed, web.expected) <= web.tolerance);
});

test("threads that a page cannot have are refused", needsChromium, async () => {
  await assert.rejects(
    goldenInBrowser(parts.plain, "int8", { numThreads: 2, wasmPaths: "/ort/" }),
    /BACKEND_LOAD_FAILED.*shared memory/,
  );
  await assert.rejects(
    goldenInBrowser(parts.isolated, "int8", { numThreads: 2 }),
    /BACKEND_LOAD_FAILED.*wasmPaths/,
  );
});

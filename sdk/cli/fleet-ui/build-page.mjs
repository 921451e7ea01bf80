// Bundles the page of `omp fleet ui` into the folder from which it is served.
import { cp, mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const page = fileURLToPath(new URL("page", import.meta.url));
const site = fileURLToPath(new URL("../../../dist/sdk/cli/fleet-ui/page", import.meta.url));

await mkdir(site, { recursive: true });
await cp(`${page}/index.html`, `${site}/index.html`);
await build({
  entryPoints: [`${page}/page.ts`, `${page}/page.css`],
  outdir: site,
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
});

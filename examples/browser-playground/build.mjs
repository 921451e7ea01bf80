// Puts the page, the script, the WebAssembly and the bundle into one folder that any web server can serve.
import { cp, mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const path = (relative) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const page = path("examples/browser-playground");
const site = path("dist/examples/browser-playground");

await mkdir(site, { recursive: true });
await cp(`${page}/index.html`, `${site}/index.html`);
await cp(
  path("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"),
  `${site}/ort-wasm-simd-threaded.wasm`,
);
await cp(path("models/bundles/so101-push"), `${site}/so101-push`, {
  recursive: true,
  filter: (file) => !file.endsWith(".safetensors"),
});

const options = {
  entryPoints: [`${page}/main.ts`],
  outfile: `${site}/main.js`,
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
};
if (process.argv.includes("--serve")) {
  const server = await context(options);
  const { port } = await server.serve({ servedir: site, host: "127.0.0.1" });
  console.log(`http://127.0.0.1:${port}`);
} else {
  await build(options);
  console.log(site);
}

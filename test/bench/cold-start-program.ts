/** Program with a bundle's folder: says when it has the first chunk, how long its parts took and what memory it holds. */
import { loadPolicy } from "omp-edge/node";

const importedMs = performance.now();
const policy = await loadPolicy(process.argv[2] ?? "");
const loadedMs = performance.now();
const observation = Object.fromEntries(
  policy.manifest.observations.map(({ key, size }) => [key, new Float32Array(size)]),
);
await policy.act(observation);
const parts = {
  import_ms: importedMs,
  load_ms: loadedMs - importedMs,
  act_ms: performance.now() - loadedMs,
  rss_mb: process.memoryUsage.rss() / 2 ** 20,
};
console.log(JSON.stringify(parts));
await policy.close();

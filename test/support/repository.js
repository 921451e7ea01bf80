import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
/** Absolute path of the repository, found from the package itself. */
export const repositoryRoot = dirname(fileURLToPath(import.meta.resolve("omp-edge/package.json")));
/** Absolute path of a file or folder of the repository. */
export function repositoryPath(...parts) {
  return join(repositoryRoot, ...parts);
}
/** Every file below `directory` whose name ends in `suffix`, absolute, sorted. Empty when there is no such folder. */
export function filesBelow(directory, suffix) {
  if (!existsSync(directory)) return [];
  const found = [];
  for (const entry of readdirSync(directory).sort()) {
    const path = join(directory, entry);
    if (entry === "node_modules" || entry === "dist" || entry.startsWith(".")) continue;
    if (statSync(path).isDirectory()) found.push(...filesBelow(path, suffix));
    else if (entry.endsWith(suffix)) found.push(path);
  }
  return found;
}
//# sourceMappingURL=repository.js.map

import { spawnSync } from "node:child_process";

function runs(name: string): boolean {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Why a test that needs these programs is skipped here; false when all of them run. */
export function missingTools(names: readonly string[]): string | false {
  const missing = names.filter((name) => !runs(name));
  return missing.length > 0 && `not installed: ${missing.join(", ")}`;
}

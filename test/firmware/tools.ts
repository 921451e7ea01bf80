import { spawnSync } from "node:child_process";

/** The first of these programs that runs here. */
export function firstTool(names: readonly string[]): string | undefined {
  return names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

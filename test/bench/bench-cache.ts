import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { findPython } from "../../models/src/python-environment.ts";
import { filesBelow, repositoryPath } from "../support/repository.ts";

/** Where benches keep what takes long to make; nothing in it is read as a result. */
export function cacheFolder(): string {
  return repositoryPath(".omp", "bench");
}

export type RandomNetwork = "small" | "full";

/** What decides the graphs. */
const sources = [
  ...["networks", "specialize", "quantize"].flatMap((folder) =>
    filesBelow(repositoryPath("models", "python", "omp_models", folder), ".py"),
  ),
  ...["bench_graph", "export_onnx", "export_split", "random_bundle", "random_policy"].map((name) =>
    repositoryPath("models", "python", "omp_models", `${name}.py`),
  ),
].sort();

/**
 * A folder with `bundle/` and the graphs named, of a published network with random weights: `small` has 13 M of them, `full`
 * 255 M. Made once, which takes minutes.
 *
 * @throws {OmpError} TOOL_FAILED where there is no Python with PyTorch
 */
export async function randomBundle(
  network: RandomNetwork,
  graphs: readonly string[],
  say: (line: string) => void,
): Promise<string> {
  const digest = createHash("sha256");
  for (const file of sources) digest.update(readFileSync(file));
  const key = [network, ...graphs, digest.digest("hex").slice(0, 12)].join("-");
  const folder = join(cacheFolder(), key);
  if (existsSync(folder)) return folder;
  const { executable, variables } = await findPython();
  say(`making the bundle of the ${network} network once, with random weights; takes minutes`);
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    const args = ["--network", network, "--out", unfinished, "--graphs", ...graphs];
    await promisify(execFile)(executable, ["-m", "omp_models.random_bundle", ...args], {
      env: { ...variables, OMP_NUM_THREADS: "1" },
      maxBuffer: 2 ** 26,
    });
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

import { execFile } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { asOmpError, ErrorCode } from "../../sdk/src/errors.ts";
import { repositoryRoot } from "../support/repository.ts";
import type { Bench } from "./measurement.ts";

const platform = `${process.platform}/${process.arch}`;

/** What `npm install omp-edge` puts on a disk, packed from here and installed from the registry into an empty folder. */
export const installedSize: Bench = {
  summary: "disk space of the packed package with its dependencies, in an empty folder",

  async run(say) {
    const folder = mkdtempSync(join(tmpdir(), "omp-size-"));
    try {
      say("packing, and installing into an empty folder");
      await npm(folder, ["pack", repositoryRoot, "--ignore-scripts", "--silent"]);
      const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
      const tarballBytes = lstatSync(join(folder, tarball)).size;
      writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true }));
      const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--silent"];
      await npm(folder, ["install", ...quiet, "--omit=dev", "--omit=peer", `./${tarball}`]);
      const modules = join(folder, "node_modules");
      const binaries = join(modules, "onnxruntime-node", "bin", "napi-v6");
      const megabytes = {
        tarball_mb: tarballBytes,
        installed_mb: bytesBelow(modules),
        omp_edge_mb: bytesBelow(join(modules, "omp-edge")),
        onnxruntime_mb: bytesBelow(join(modules, "onnxruntime-node")),
        onnxruntime_this_platform_mb: bytesBelow(join(binaries, ...platform.split("/"))),
      };
      const figures = Object.fromEntries(
        Object.entries(megabytes).map(([name, bytes]) => [name, bytes / 1e6]),
      );
      return { figures, samples: {} };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function npm(cwd: string, args: readonly string[]): Promise<void> {
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  try {
    await promisify(execFile)("npm", args, { cwd, env, maxBuffer: 2 ** 24 });
  } catch (error) {
    throw asOmpError(error, ErrorCode.ToolFailed, `npm ${args[0]} failed`);
  }
}

function bytesBelow(path: string): number {
  if (!existsSync(path)) return 0;
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), 0);
}

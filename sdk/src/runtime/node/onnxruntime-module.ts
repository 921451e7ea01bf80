import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as OrtModule from "onnxruntime-node";

import { ErrorCode, OmpError } from "../../errors.ts";

export type Ort = typeof OrtModule;

/** Names the module to load instead of onnxruntime-node, where no option does. */
export const ONNXRUNTIME_VARIABLE = "OMP_ONNXRUNTIME";

/** The module that this process asks for: the option, else the environment's, else undefined for onnxruntime-node itself. */
export function chosenOnnxRuntime(option?: string): string | undefined {
  return option ?? (process.env[ONNXRUNTIME_VARIABLE] || undefined);
}

/**
 * onnxruntime for Node: the package, or another build of it.
 *
 * It is loaded on first use only: the native library is 46 MB and not every user of `omp-edge/node` infers.
 *
 * @param specifier a path, or a package's name as seen from the working directory; the package onnxruntime-node when left out
 * @throws {OmpError} BACKEND_LOAD_FAILED also when the module is no onnxruntime
 */
export async function loadOnnxRuntime(specifier?: string): Promise<Ort> {
  const name = specifier ?? "onnxruntime-node";
  try {
    const loaded: Ort & { readonly default?: Ort } =
      specifier === undefined
        ? await import("onnxruntime-node")
        : await import(pathToFileURL(resolveModule(specifier)).href);
    // A CommonJS module whose names Node does not see has them in its default export.
    const ort = loaded.default ?? loaded;
    if (
      typeof ort.InferenceSession === "function" &&
      typeof ort.listSupportedBackends === "function"
    ) {
      return ort;
    }
  } catch (error) {
    throw new OmpError(ErrorCode.BackendLoadFailed, {
      what: `${name} cannot be loaded`,
      observed: error instanceof Error ? error.message : String(error),
      next:
        specifier === undefined
          ? "Install it with ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node."
          : `Check the option onnxruntime, or the environment's ${ONNXRUNTIME_VARIABLE}.`,
      cause: error,
    });
  }
  throw new OmpError(ErrorCode.BackendLoadFailed, {
    what: `${name} is no onnxruntime for Node`,
    expected: "a module that exports InferenceSession, Tensor and listSupportedBackends",
  });
}

/** Package and version without loading it, as "onnxruntime-node 1.30.0"; its path where it is no package, or not there. */
export function describeOnnxRuntime(specifier?: string): string {
  let path: string;
  try {
    path =
      specifier === undefined
        ? createRequire(import.meta.url).resolve("onnxruntime-node")
        : resolveModule(specifier);
  } catch {
    return specifier ?? "onnxruntime-node";
  }
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (!existsSync(file)) continue;
    const { name, version } = JSON.parse(readFileSync(file, "utf8"));
    if (name !== undefined && version !== undefined) return `${name} ${version}`;
  }
  return path;
}

function resolveModule(specifier: string): string {
  return createRequire(join(process.cwd(), "package.json")).resolve(specifier);
}

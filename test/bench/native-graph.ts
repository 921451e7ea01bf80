import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import type { GoldenCase } from "../../sdk/src/bundle/golden.ts";
import type { TensorInfo } from "../../sdk/src/runtime/inference-backend.ts";
import { repositoryPath } from "../support/repository.ts";
import { cacheFolder } from "./bench-cache.ts";
import { ChildContender } from "./child-contender.ts";

const packageFolder = dirname(
  createRequire(import.meta.url).resolve("onnxruntime-node/package.json"),
);
/** The very library that onnxruntime-node loads. */
const library = join(
  packageFolder,
  "bin",
  "napi-v6",
  process.platform,
  process.arch,
  "libonnxruntime.so.1",
);

/** Why the bare C API cannot be measured here, or undefined. */
export const nativeGraphSkip: string | undefined = existsSync(library)
  ? spawnSync("cc", ["--version"]).status === 0
    ? undefined
    : "there is no C compiler"
  : `onnxruntime-node has no ${library}`;

export interface NativeGraph {
  readonly model: string;
  readonly threads: number;
  readonly inputs: readonly TensorInfo[];
  readonly output: TensorInfo;
  readonly values: GoldenCase["inputs"];
}

/** The graph under the bare C API of onnxruntime-node's own library, in a process of its own. */
export function startNativeGraph(graph: NativeGraph): ChildContender {
  const folder = cacheFolder();
  const program = join(folder, "run_graph");
  const source = repositoryPath("test", "bench", "c-api", "run_graph.c");
  const flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror"];
  mkdirSync(folder, { recursive: true });
  execFileSync("cc", [...flags, source, "-o", program, "-ldl"]);
  const values = join(folder, "run_graph.inputs");
  const bytes = graph.inputs.map(({ name }) => {
    const data = graph.values.get(name) ?? new Float32Array();
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
  writeFileSync(values, Buffer.concat(bytes));
  const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");
  return new ChildContender("c_api", program, [
    library,
    version,
    graph.model,
    String(graph.threads),
    values,
    ...graph.inputs.map(describe),
    "=",
    describe(graph.output),
  ]);
}

function describe({ name, shape }: TensorInfo): string {
  return `${name}:${shape.join(",")}`;
}

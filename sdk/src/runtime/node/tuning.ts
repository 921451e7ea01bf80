import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { cpus, homedir } from "node:os";
import { dirname, join } from "node:path";

import type { BundleReader } from "../../bundle/bundle-reader.ts";
import { parseJson } from "../../bundle/manifest.ts";
import { ErrorCode, OmpError } from "../../errors.ts";
import { JsonFields } from "../../internal/json-fields.ts";
import { chosenOnnxRuntime, describeOnnxRuntime } from "./onnxruntime-module.ts";
import { type GraphOptimizationLevel, graphOptimizationLevels } from "./ort-session.ts";

const TUNING_VERSION = 1;

/** What a choice was measured on and is good for. */
export interface TuningTarget {
  /** SHA-256 of the bundle's manifest, which names the hash of every other file. */
  readonly bundleSha256: string;
  /** Model and number of the cores. */
  readonly cpu: string;
  /** Package and version of onnxruntime. */
  readonly runtime: string;
}

/** How a bundle runs fastest on one device. */
export interface Tuning {
  readonly target: TuningTarget;
  readonly variant: string;
  readonly executionProvider: string;
  readonly intraOpNumThreads: number;
  readonly allowSpinning: boolean;
  readonly graphOptimizationLevel: GraphOptimizationLevel;
}

/** @param onnxruntime as of `OrtOptions` */
export async function tuningTarget(
  reader: BundleReader,
  onnxruntime?: string,
): Promise<TuningTarget> {
  const cores = cpus();
  return {
    bundleSha256: await reader.sha256(await reader.read("manifest.json")),
    cpu: `${cores.length} x ${cores[0]?.model.trim() ?? "unknown"} (${process.arch})`,
    runtime: describeOnnxRuntime(chosenOnnxRuntime(onnxruntime)),
  };
}

/** Where omp-edge keeps what it learned for this user: $XDG_STATE_HOME/omp-edge, or below ~/.local/state. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const state = environment["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  return join(state, "omp-edge");
}

/** Where `omp tune` puts a choice for this user, one file a target: $XDG_STATE_HOME/omp-edge/tuning, or below ~/.local/state. */
export function tuningPath(
  { bundleSha256, cpu, runtime }: TuningTarget,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  const key = createHash("sha256").update(JSON.stringify([bundleSha256, cpu, runtime]));
  return join(stateFolder(environment), "tuning", `${key.digest("hex").slice(0, 16)}.json`);
}

/**
 * The choice for `target`: that of the file named, which must be for it, or the one `omp tune` stored, if any.
 *
 * @throws {OmpError} INVALID_ARGUMENT when the file is no choice, or is for another bundle, device or onnxruntime
 */
export async function readTuning(target: TuningTarget, file?: string): Promise<Tuning | undefined> {
  const path = file ?? tuningPath(target);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (file === undefined) return undefined;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `the tuning ${path} cannot be read`,
      observed: error instanceof Error ? error.message : String(error),
      next: `Make it with omp tune BUNDLE --out ${path}.`,
      cause: error,
    });
  }
  const tuning = parseTuning(text, path);
  for (const key of ["bundleSha256", "cpu", "runtime"] as const) {
    if (tuning.target[key] === target[key]) continue;
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `the tuning ${path} is not for this bundle on this device`,
      observed: `${key} ${tuning.target[key]}`,
      expected: target[key],
      next: "Run omp tune again.",
    });
  }
  return tuning;
}

/** Whoever reads `path` meanwhile finds the old file or the new one. `measured` is for people. */
export async function writeTuning(
  path: string,
  tuning: Tuning,
  measured: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { target } = tuning;
  const content = {
    tuning_version: TUNING_VERSION,
    target: { bundle_sha256: target.bundleSha256, cpu: target.cpu, runtime: target.runtime },
    choice: {
      variant: tuning.variant,
      execution_provider: tuning.executionProvider,
      intra_op_num_threads: tuning.intraOpNumThreads,
      allow_spinning: tuning.allowSpinning,
      graph_optimization_level: tuning.graphOptimizationLevel,
    },
    measured,
  };
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${randomUUID()}`;
  await writeFile(unfinished, `${JSON.stringify(content, undefined, 2)}\n`);
  await rename(unfinished, path);
}

function parseTuning(text: string, path: string): Tuning {
  const code = ErrorCode.InvalidArgument;
  const root = new JsonFields(parseJson(text, path, code), path, "", code);
  root.allow("tuning_version", "target", "choice", "measured");
  root.literal("tuning_version", TUNING_VERSION);
  const target = root.object("target").allow("bundle_sha256", "cpu", "runtime");
  const choice = root
    .object("choice")
    .allow(
      "variant",
      "execution_provider",
      "intra_op_num_threads",
      "allow_spinning",
      "graph_optimization_level",
    );
  return {
    target: {
      bundleSha256: target.string("bundle_sha256"),
      cpu: target.string("cpu"),
      runtime: target.string("runtime"),
    },
    variant: choice.string("variant"),
    executionProvider: choice.string("execution_provider"),
    intraOpNumThreads: choice.integer("intra_op_num_threads", 1, 64),
    allowSpinning: choice.literal("allow_spinning", true, false),
    graphOptimizationLevel: choice.literal("graph_optimization_level", ...graphOptimizationLevels),
  };
}

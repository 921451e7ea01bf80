import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { checkFiles, numberAt } from "../../../models/src/bundle-report.ts";
import { trainingWorld, writeFreshRecipe } from "../../../models/src/fresh-demonstrations.ts";
import { findPython } from "../../../models/src/python-environment.ts";
import type { PythonOutcome } from "../../../models/src/run-python.ts";
import { runTool, toolOptions } from "../../../models/src/run-tool.ts";
import { loadBundle } from "../../src/bundle/load-bundle.ts";
import { type Manifest, parseManifest } from "../../src/bundle/manifest.ts";
import { isOmpError } from "../../src/errors.ts";
import { FileBundleReader } from "../../src/runtime/node/file-bundle-reader.ts";
import { loadPolicy } from "../../src/runtime/node/load-policy.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";

/** Proves on this machine that a bundle answers as it did where it was made. */
export const verify: Command = {
  summary:
    "check a bundle on this machine: hashes, golden outputs, PyTorch against fp32 against INT8",
  usage: `usage: omp verify BUNDLE [--data FILE] [--windows N] [--no-python]

  --data FILE   demonstrations to compare on, .npz; without it a few new ones are made in the bundle's world
  --windows N   observation windows to compare on (default 256)
  --no-python   only what the robot computer itself can check

1. Size and SHA-256 of every file.
2. Every variant is loaded into this runtime and must reproduce its golden outputs.
3. Where there is a Python with PyTorch: the difference of fp32 and INT8 from the trained policy.
Exit status: 0 verified, 1 a check failed, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const options = parseCommand(
      args,
      {
        data: { type: "string" },
        windows: { type: "string" },
        "no-python": { type: "boolean" },
      },
      ["BUNDLE"],
    );
    const bundle = options.operands[0] ?? "";
    const windows = options.integer("windows", 256, 1, 1_000_000);
    const reader = new FileBundleReader(bundle);
    const manifest = parseManifest(new TextDecoder().decode(await reader.read("manifest.json")));
    if (!(await filesAreRight(reader, manifest))) return 1;
    if (!(await variantsReproduce(reader, manifest))) return 1;
    if (options.flag("no-python")) return 0;
    const outcome = await compareWithPyTorch({
      bundle,
      manifest,
      windows,
      data: options.text("data"),
      signal,
    });
    if (outcome === undefined) return 0;
    if (outcome.kind === "interrupted") return 130;
    for (const line of actionErrors(outcome.result["action_error"])) console.log(line);
    return 0;
  },
};

async function filesAreRight(reader: FileBundleReader, manifest: Manifest): Promise<boolean> {
  const files = await checkFiles(reader, manifest);
  const wrong = files.filter(({ state }) => state !== "ok");
  for (const { file, state } of wrong) console.log(`files: ${file} is ${state}`);
  if (wrong.length === 0)
    console.log(`files: ${files.length} of ${files.length} as the manifest says`);
  return wrong.length === 0;
}

async function variantsReproduce(reader: FileBundleReader, manifest: Manifest): Promise<boolean> {
  let good = true;
  for (const { name, inputs } of manifest.variants) {
    if (inputs.length > 0) continue;
    try {
      const { golden } = await loadBundle(reader, name);
      const policy = await loadPolicy(reader.location, { variant: name });
      const { runtime, activeProvider } = policy.info;
      await policy.close();
      console.log(
        `${name}: ${golden.cases.length} golden cases reproduced within ${golden.tolerance} by ${runtime} (${activeProvider})`,
      );
    } catch (error) {
      if (!isOmpError(error)) throw error;
      console.log(`${name}: ${error.message}`);
      good = false;
    }
  }
  return good;
}

interface Comparison {
  readonly bundle: string;
  readonly manifest: Manifest;
  readonly windows: number;
  readonly data: string | undefined;
  readonly signal: AbortSignal;
}

/** Undefined, with the reason told, where there is nothing to compare with. */
async function compareWithPyTorch(comparison: Comparison): Promise<PythonOutcome | undefined> {
  const { bundle, manifest, windows, data, signal } = comparison;
  const missing = await missingForPyTorch(manifest, data);
  if (missing !== undefined) {
    console.log(`pytorch: not compared, ${missing}`);
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), "omp-verify-"));
  try {
    const fresh = join(folder, "demonstrations.npz");
    if (data === undefined) {
      const config = await writeFreshRecipe(manifest, folder);
      const args = ["collect", ...toolOptions({ config, out: fresh })];
      const collected = await runTool({ args, signal, json: false });
      if (collected.kind === "interrupted") return collected;
    }
    const args = ["verify", ...toolOptions({ bundle, data: data ?? fresh, windows })];
    return await runTool({ args, signal, json: false });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function missingForPyTorch(
  manifest: Manifest,
  data: string | undefined,
): Promise<string | undefined> {
  if (!manifest.files.has("checkpoint.safetensors")) return "the bundle holds no trained weights";
  if (data === undefined && trainingWorld(manifest) === undefined) {
    return "it was trained in no world of ours: give --data";
  }
  try {
    await findPython();
    return undefined;
  } catch (error) {
    if (isOmpError(error, "TOOL_FAILED")) return error.message;
    throw error;
  }
}

/** "int8: at most 1.2e-1 from PyTorch, 99 % within 1.5e-2, 3.1e-3 on average (normalised units)" for every variant. */
function actionErrors(byVariant: unknown): readonly string[] {
  if (typeof byVariant !== "object" || byVariant === null) return [];
  return Object.entries(byVariant).map(([name, error]: [string, unknown]) => {
    const most = scientific(numberAt(error, "max_normalized"));
    const mean = scientific(numberAt(error, "mean_normalized"));
    const p99 = scientific(numberAt(error, "p99_normalized"));
    return `${name}: at most ${most} from PyTorch, 99 % within ${p99}, ${mean} on average (normalised units)`;
  });
}

function scientific(value: number | undefined): string {
  return value === undefined ? "an unknown amount" : value.toExponential(2);
}

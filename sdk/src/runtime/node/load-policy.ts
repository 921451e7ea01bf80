import { type OpenPolicyOptions, openPolicy } from "../../open-policy.ts";
import type { OmpPolicy } from "../../policy.ts";
import type { InferenceBackend } from "../inference-backend.ts";
import { FileBundleReader } from "./file-bundle-reader.ts";
import type { OrtOptions } from "./ort-session.ts";
import { readTuning, type Tuning, tuningTarget } from "./tuning.ts";
import { WorkerBackend } from "./worker-backend.ts";

export interface LoadPolicyOptions extends OpenPolicyOptions, OrtOptions {
  /** Runs the graph instead of onnxruntime in a worker: `OrtSession`, a JetPack build, a fake. The policy owns it. */
  readonly backend?: InferenceBackend;
  /**
   * What `omp tune` chose for this device, for the options that are not given here. A file, which must be for this bundle, device
   * and onnxruntime; or false, for none. Default: what was stored for exactly this bundle, device and onnxruntime, if anything
   * was. Without meaning with a `backend`.
   */
  readonly tuning?: string | false;
}

/**
 * Opens a bundle directory: checks hashes, loads the model in a worker thread, warms it up and checks the golden cases.
 *
 * @throws {OmpError} as `openPolicy`; INVALID_ARGUMENT when `tuning` names a file that is not for this bundle on this device
 * @example
 * const policy = await loadPolicy("models/bundles/so101-push");
 * const chunk = await policy.act({ "observation.state": state, "observation.environment_state": environment });
 */
export async function loadPolicy(
  bundleDirectory: string,
  options: LoadPolicyOptions = {},
): Promise<OmpPolicy> {
  const reader = new FileBundleReader(bundleDirectory);
  if (options.backend !== undefined) return openPolicy(reader, options.backend, options);
  const tuned = await tunedOptions(reader, options);
  return openPolicy(reader, new WorkerBackend(tuned), tuned);
}

/** The given options, and what was chosen for this device where they leave something open. */
async function tunedOptions(
  reader: FileBundleReader,
  options: LoadPolicyOptions,
): Promise<LoadPolicyOptions> {
  // A warm start runs a graph of its own, which is not measured.
  if (options.tuning === false || options.warmStartTau !== undefined) return options;
  const tuning = await readTuning(await tuningTarget(reader, options.onnxruntime), options.tuning);
  // Threads and level were measured with one variant and one provider, and are good for nothing else.
  if (tuning === undefined || !isOpen(options, tuning)) return options;
  const { variant, executionProvider, intraOpNumThreads, allowSpinning, graphOptimizationLevel } =
    tuning;
  return {
    variant,
    executionProviders: [executionProvider],
    intraOpNumThreads,
    allowSpinning,
    graphOptimizationLevel,
    ...options,
  };
}

function isOpen({ variant, executionProviders }: LoadPolicyOptions, tuning: Tuning): boolean {
  const provider = executionProviders?.[0] ?? tuning.executionProvider;
  return (variant ?? tuning.variant) === tuning.variant && provider === tuning.executionProvider;
}

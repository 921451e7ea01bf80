import { type OpenPolicyOptions, openPolicy } from "../../open-policy.ts";
import type { OmpPolicy } from "../../policy.ts";
import type { InferenceBackend } from "../inference-backend.ts";
import { FileBundleReader } from "./file-bundle-reader.ts";
import type { OrtOptions } from "./ort-session.ts";
import { WorkerBackend } from "./worker-backend.ts";

export interface LoadPolicyOptions extends OpenPolicyOptions, OrtOptions {
  /** Runs the graph instead of onnxruntime in a worker: `OrtSession`, a JetPack build, a fake. The policy owns it. */
  readonly backend?: InferenceBackend;
}

/**
 * Opens a bundle directory: checks hashes, loads the model in a worker thread, warms it up and checks the golden cases.
 *
 * @throws {OmpError} as `openPolicy`
 * @example
 * const policy = await loadPolicy("models/bundles/so101-push");
 * const chunk = await policy.act({ "observation.state": state, "observation.environment_state": environment });
 */
export async function loadPolicy(
  bundleDirectory: string,
  options: LoadPolicyOptions = {},
): Promise<OmpPolicy> {
  const backend = options.backend ?? new WorkerBackend(options);
  return openPolicy(new FileBundleReader(bundleDirectory), backend, options);
}

import { type OpenPolicyOptions, openPolicy } from "../../open-policy.ts";
import type { OmpPolicy } from "../../policy.ts";
import type { InferenceBackend } from "../inference-backend.ts";
import { FetchBundleReader, type FetchOptions } from "./fetch-bundle-reader.ts";
import { type OrtWebOptions, OrtWebSession } from "./ort-web-session.ts";

export interface LoadPolicyOptions extends OpenPolicyOptions, OrtWebOptions, FetchOptions {
  /** Runs the graph instead of onnxruntime-web on this thread. The policy owns it. */
  readonly backend?: InferenceBackend;
}

/**
 * Fetches a bundle: checks hashes, loads the model, warms it up and checks the golden cases.
 *
 * @param bundleUrl folder of the bundle; relative to the page where there is one
 * @throws {OmpError} as `openPolicy`
 * @example
 * const policy = await loadPolicy("bundles/so101-push");
 * const chunk = await policy.act({ "observation.state": state, "observation.environment_state": environment });
 */
export async function loadPolicy(
  bundleUrl: string | URL,
  options: LoadPolicyOptions = {},
): Promise<OmpPolicy> {
  const backend = options.backend ?? new OrtWebSession(options);
  return openPolicy(new FetchBundleReader(bundleUrl, options), backend, options);
}

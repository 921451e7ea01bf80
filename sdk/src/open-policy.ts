import type { BundleReader } from "./bundle/bundle-reader.ts";
import { verifyGolden } from "./bundle/golden.ts";
import { loadBundle } from "./bundle/load-bundle.ts";
import { OmpPolicy } from "./policy.ts";
import type { InferenceBackend } from "./runtime/inference-backend.ts";

export interface OpenPolicyOptions {
  /** Name of a variant in the manifest; the manifest's default when left out. */
  readonly variant?: string;
  /** Of the noise; 0 when left out. */
  readonly seed?: number;
}

/**
 * Loads a bundle into a backend, checks its golden cases on this machine and returns the policy. The backend is closed when
 * this fails.
 *
 * @throws {OmpError} BUNDLE_UNREADABLE, BUNDLE_INVALID, BUNDLE_HASH_MISMATCH, BUNDLE_GOLDEN_MISMATCH, BACKEND_LOAD_FAILED,
 *   BACKEND_PROVIDER_UNAVAILABLE, BACKEND_FAILED, INVALID_ARGUMENT
 */
export async function openPolicy(
  reader: BundleReader,
  backend: InferenceBackend,
  { variant, seed = 0 }: OpenPolicyOptions = {},
): Promise<OmpPolicy> {
  try {
    const bundle = await loadBundle(reader, variant);
    const info = await backend.load(bundle.model);
    await verifyGolden(bundle.manifest, bundle.golden, backend, info);
    return new OmpPolicy({ manifest: bundle.manifest, backend, info, seed });
  } catch (error) {
    await backend.close();
    throw error;
  }
}

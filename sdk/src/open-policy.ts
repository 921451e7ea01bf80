import type { BundleReader } from "./bundle/bundle-reader.ts";
import { verifyGolden } from "./bundle/golden.ts";
import { loadBundle, loadTimedBundle } from "./bundle/load-bundle.ts";
import { ErrorCode, OmpError } from "./errors.ts";
import { OmpPolicy } from "./policy.ts";
import type { InferenceBackend } from "./runtime/inference-backend.ts";
import { requireSamplingOptions, type SamplingOptions } from "./sampling/sampling-options.ts";

export interface OpenPolicyOptions extends SamplingOptions {
  /** Name of a variant in the manifest; the manifest's default when left out. Not together with `warmStartTau`, which has its own. */
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
  options: OpenPolicyOptions = {},
): Promise<OmpPolicy> {
  const { variant, seed = 0, noise, warmStartTau, spreadSamples } = options;
  try {
    requireSamplingOptions(options);
    if (warmStartTau !== undefined && variant !== undefined) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "a warm start runs the bundle's variant whose times are inputs",
        observed: `variant ${variant} was asked for`,
        expected: "warmStartTau or variant, not both",
      });
    }
    const isWarm = warmStartTau !== undefined;
    const bundle = await (isWarm ? loadTimedBundle(reader) : loadBundle(reader, variant));
    const info = await backend.load(bundle.model);
    await verifyGolden(bundle.manifest, bundle.golden, backend, info);
    return new OmpPolicy({
      manifest: bundle.manifest,
      backend,
      info,
      seed,
      ...(noise === undefined ? {} : { noise }),
      ...(isWarm ? { warmStartTau } : {}),
      ...(spreadSamples === undefined ? {} : { spreadSamples }),
    });
  } catch (error) {
    await backend.close();
    throw error;
  }
}

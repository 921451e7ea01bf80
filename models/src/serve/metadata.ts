import type { OmpPolicy } from "../../../sdk/src/policy.ts";
import { type EpisodeSession, RESET_KEY, SEED_KEY } from "./episode-session.ts";
import type { Packed, PackedMap } from "./msgpack-numpy.ts";

/** The first frame of a connection: what the policy expects and what its actions mean; fields as in `models/SERVING.md`. */
export function serverMetadata({ manifest, info }: OmpPolicy, session: EpisodeSession): PackedMap {
  const { policy, observations, action } = manifest;
  return record({
    server: "omp-edge",
    bundle_id: manifest.bundleId,
    bundle_version: manifest.bundleVersion,
    execution_provider: info.activeProvider,
    policy: record({
      n_obs_steps: policy.nObsSteps,
      horizon: policy.horizon,
      n_action_steps: policy.nActionSteps,
      action_start_index: policy.actionStartIndex,
      lead_steps: policy.leadSteps,
      dt_ms: policy.dtMs,
    }),
    observations: observations.map(({ key, shape, dtype, unit, names, maxAgeMs }) =>
      record({
        key: session.clientKey(key),
        policy_key: key,
        shape,
        dtype,
        unit,
        names,
        max_age_ms: maxAgeMs,
      }),
    ),
    action: record({
      key: "actions",
      shape: [policy.horizon - policy.actionStartIndex, action.names.length],
      names: action.names,
      kind: action.kind,
    }),
    control_keys: [RESET_KEY, SEED_KEY],
  });
}

function record(fields: Readonly<Record<string, Packed>>): PackedMap {
  return new Map(Object.entries(fields));
}

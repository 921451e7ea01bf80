import type { ObservationSpec } from "../../../sdk/src/bundle/manifest.ts";
import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";

/** The name in a client's message of every policy key. */
export type KeyMap = ReadonlyMap<string, string>;

/**
 * Reads `CLIENT=POLICY` pairs; a policy key without one keeps its name.
 *
 * @param pairs for example `observation/state=observation.state`
 * @throws {OmpError} INVALID_ARGUMENT for a text that is no pair, a key the policy does not observe, a name given twice
 */
export function parseKeyMap(
  pairs: readonly string[],
  observations: readonly ObservationSpec[],
): KeyMap {
  const policyKeys = observations.map(({ key }) => key);
  const map = new Map(policyKeys.map((key) => [key, key]));
  const mapped = new Set<string>();
  for (const pair of pairs) {
    const [client, policy, ...rest] = pair.split("=");
    if (!client || policy === undefined || rest.length > 0 || !policyKeys.includes(policy)) {
      throw refuse(pair, `CLIENT=POLICY, where POLICY is one of ${policyKeys.join(", ")}`);
    }
    if (mapped.has(policy)) throw refuse(pair, `${policy} once`);
    mapped.add(policy);
    map.set(policy, client);
  }
  if (new Set(map.values()).size !== map.size) {
    throw refuse(pairs.join(" "), "another client key for every policy key");
  }
  return map;
}

function refuse(observed: string, expected: string): OmpError {
  return new OmpError(ErrorCode.InvalidArgument, {
    what: "the key map does not fit the bundle",
    observed,
    expected,
  });
}

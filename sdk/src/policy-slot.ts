import type { Manifest } from "./bundle/manifest.ts";
import { ErrorCode, OmpError } from "./errors.ts";
import type { OmpPolicy } from "./policy.ts";

/** The place of the policy that acts. Another one can take it between two chunks, while the arm moves. */
export class PolicySlot {
  #policy: OmpPolicy;

  constructor(policy: OmpPolicy) {
    this.#policy = policy;
  }

  get policy(): OmpPolicy {
    return this.#policy;
  }

  /**
   * Lets `next` act from the next chunk on. An inference that is running ends on the policy before, and its chunk is executed:
   * close that policy after `ControlLoop.settled()`.
   *
   * @returns the policy before, the caller's from here on
   * @throws {OmpError} BUNDLE_REFUSED when `next` sees, commands or times anything else
   */
  replace(next: OmpPolicy): OmpPolicy {
    const previous = this.#policy;
    requireReplaceable(previous.manifest, next.manifest);
    this.#policy = next;
    return previous;
  }
}

/**
 * Whether a policy may take another's place while the arm moves: it must see the same keys and command the same joints, within the
 * same limits, on the same grid.
 *
 * @throws {OmpError} BUNDLE_REFUSED naming what differs
 */
export function requireReplaceable(current: Manifest, next: Manifest): void {
  const [before, after] = [current, next].map(interfaceOf);
  for (const [name, value] of Object.entries(after ?? {})) {
    const expected = before?.[name];
    if (value === expected) continue;
    throw new OmpError(ErrorCode.BundleRefused, {
      what: `${next.bundleId} ${next.bundleVersion} cannot take the place of ${current.bundleId} ${current.bundleVersion} while the robot runs: its ${name} differ`,
      observed: shorten(value),
      expected: shorten(expected ?? "nothing"),
      next: "Install it and start the robot anew.",
    });
  }
}

function interfaceOf({ observations, action, policy, noise }: Manifest): Record<string, string> {
  const { nObsSteps, horizon, nActionSteps, actionStartIndex, leadSteps, dtMs } = policy;
  return {
    observations: JSON.stringify(observations),
    actions: JSON.stringify(action),
    timing: JSON.stringify({
      nObsSteps,
      horizon,
      nActionSteps,
      actionStartIndex,
      leadSteps,
      dtMs,
    }),
    "noise inputs": JSON.stringify(noise),
  };
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

import { createHash } from "node:crypto";

import { ErrorCode, OmpError } from "../../../../sdk/src/errors.ts";

export interface WaveMember {
  readonly robotId: string;
  readonly groups: readonly string[];
}

export interface WavePlan {
  /** Its robots are the first wave, the canary; none when left out. */
  readonly canaryGroup?: string | undefined;
  /** Per cent of all robots that have been asked at the end of each further wave, rising, the last one 100. */
  readonly percents: readonly number[];
}

export const defaultPercents: readonly number[] = [1, 10, 50, 100];

/**
 * Cuts a fleet into waves. Which robot is in which wave depends on its id and the bundle alone: a rollout that is taken up again has
 * the same waves, and another bundle has another canary.
 *
 * @returns waves without empty ones; every robot is in exactly one
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function planWaves(
  robots: readonly WaveMember[],
  bundleHash: string,
  { canaryGroup, percents }: WavePlan,
): readonly (readonly string[])[] {
  requirePercents(percents);
  const isCanary = ({ groups }: WaveMember): boolean =>
    canaryGroup !== undefined && groups.includes(canaryGroup);
  const canary = inDrawnOrder(robots.filter(isCanary), bundleHash);
  if (canaryGroup !== undefined && canary.length === 0) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `no robot is in the canary group ${canaryGroup}`,
    });
  }
  const others = inDrawnOrder(
    robots.filter((robot) => !isCanary(robot)),
    bundleHash,
  );
  const waves = [canary];
  let asked = 0;
  for (const percent of percents) {
    const end = Math.max(0, Math.ceil((robots.length * percent) / 100) - canary.length);
    waves.push(others.slice(asked, end));
    asked = Math.max(asked, end);
  }
  return waves.filter(({ length }) => length > 0);
}

function inDrawnOrder(robots: readonly WaveMember[], bundleHash: string): readonly string[] {
  const draw = (robotId: string): string =>
    createHash("sha256").update(`${bundleHash}/${robotId}`).digest("hex");
  return robots
    .map(({ robotId }) => ({ robotId, drawn: draw(robotId) }))
    .sort((a, b) => (a.drawn < b.drawn ? -1 : 1))
    .map(({ robotId }) => robotId);
}

function requirePercents(percents: readonly number[]): void {
  const isRising = percents.every((percent, i) => percent > (percents[i - 1] ?? 0));
  if (isRising && percents.at(-1) === 100) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "the waves are not usable",
    observed: percents.join(", "),
    expected: "rising percentages above 0, the last one 100",
  });
}

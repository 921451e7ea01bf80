import type { Joint, Trajectory } from "./types.ts";

/** Peaks of s(x) = 10x³ − 15x⁴ + 6x⁵ on 0 … 1: of its first, second and third derivative. */
const PEAK_VELOCITY = 1.875;
const PEAK_ACCELERATION = 10 / Math.sqrt(3);
const PEAK_JERK = 60;

/** Straight segments between samples of the curve are a little steeper than the curve is at its ends; leave room. */
const MARGIN = 0.8;
const MIN_DT_MS = 10;
/** A segment may lose a tick to the clock, and positions are rounded. */
const FIRST_STEP_SLACK_MS = 2;

/**
 * Fills `trajectory` with the minimum-jerk path at rest `from` → `to`, all joints arriving together, in at most `maxWaypoints`,
 * 2 or more.
 *
 * @param fraction of each joint's velocity, acceleration and jerk limit to use, 0 exclusive to 1
 */
export function fillMinimumJerk(
  trajectory: Trajectory,
  joints: readonly Joint[],
  from: Readonly<Float64Array>,
  to: ArrayLike<number>,
  fraction: number,
  maxWaypoints: number,
): void {
  let seconds = 0;
  let firstStepSeconds = 0;
  for (const [j, joint] of joints.entries()) {
    const { minPosition, maxPosition, maxVelocity, maxAcceleration, maxJerk = Infinity } = joint;
    const start = from[j] ?? Number.NaN;
    // A joint that begins outside its range is inside after the first step, because the controller takes no waypoint outside.
    const outside = Math.max(0, start - maxPosition, minPosition - start);
    firstStepSeconds = Math.max(
      firstStepSeconds,
      outside / maxVelocity,
      Math.sqrt(outside / maxAcceleration),
    );
    const distance = Math.abs((to[j] ?? Number.NaN) - (from[j] ?? Number.NaN));
    const velocity = maxVelocity * fraction * MARGIN;
    const acceleration = maxAcceleration * fraction * MARGIN;
    seconds = Math.max(
      seconds,
      (PEAK_VELOCITY * distance) / velocity,
      Math.sqrt((PEAK_ACCELERATION * distance) / acceleration),
      Math.cbrt((PEAK_JERK * distance) / (maxJerk * fraction * MARGIN)),
    );
  }
  const dtMs = Math.max(
    MIN_DT_MS,
    Math.ceil((seconds * 1000) / (maxWaypoints - 1)),
    Math.ceil(firstStepSeconds * 1000) + FIRST_STEP_SLACK_MS,
  );
  const steps = Math.max(1, Math.ceil((seconds * 1000) / dtMs));
  // The last waypoint is sent twice: the controller brakes from the last segment's velocity, which is then 0.
  for (let row = 0; row <= steps; row += 1) {
    const x = Math.min(1, (row + 1) / steps);
    const progress = x ** 3 * (10 + x * (6 * x - 15));
    for (let j = 0; j < joints.length; j += 1) {
      const start = from[j] ?? Number.NaN;
      const end = to[j] ?? Number.NaN;
      const position = x === 1 ? end : start + progress * (end - start);
      trajectory.positions[row * joints.length + j] = position;
    }
  }
  trajectory.dtMs = dtMs;
  trajectory.count = steps + 1;
}

import { OmpError } from "../../sdk/src/errors.ts";
import type { Trajectory } from "../../sdk/src/types.ts";
import { toCounts } from "./protocol/units.ts";

const maxDtTicks = 1000;
const maxCounts = 0x7fffffff;

/** What a trajectory must fit. */
export interface TrajectoryBounds {
  readonly jointCount: number;
  readonly maxWaypoints: number;
  readonly tickMs: number;
}

/**
 * Ticks between the waypoints of a trajectory that can be put on a controller's ticks.
 *
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function dtTicksOf(trajectory: Readonly<Trajectory>, bounds: TrajectoryBounds): number {
  const { tickMs, jointCount: expectedJoints, maxWaypoints } = bounds;
  const dtTicks = trajectory.dtMs / tickMs;
  const rounded = Math.round(dtTicks);
  const { count, jointCount, id } = trajectory;
  if (jointCount !== expectedJoints) {
    throw invalid("jointCount", `${jointCount}`, `${expectedJoints}`);
  }
  if (!Number.isInteger(count) || count < 1 || count > maxWaypoints) {
    throw invalid("count", `${count}`, `1 to ${maxWaypoints}`);
  }
  if (count * jointCount > trajectory.positions.length) {
    throw invalid("positions", `${trajectory.positions.length}`, `${count * jointCount} values`);
  }
  if (!Number.isInteger(id) || id < 1 || id > 0xffff) {
    throw invalid("id", `${id}`, "1 to 65535");
  }
  if (!(Math.abs(dtTicks - rounded) < 1e-6 && rounded >= 1 && rounded <= maxDtTicks)) {
    throw invalid(
      "dtMs",
      `${trajectory.dtMs}`,
      `a whole multiple of the controller's tick of ${tickMs} ms, at most ${maxDtTicks} ticks`,
    );
  }
  if (!Number.isFinite(trajectory.startAtMs)) {
    throw invalid("startAtMs", `${trajectory.startAtMs}`, "a finite instant");
  }
  return rounded;
}

/**
 * Writes a trajectory's waypoints to `out`, counts, row-major.
 *
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function fillCounts(trajectory: Readonly<Trajectory>, out: Int32Array): void {
  const { positions, count, jointCount } = trajectory;
  for (let i = 0; i < count * jointCount; i++) {
    const counts = toCounts(positions[i] ?? Number.NaN);
    if (!(Math.abs(counts) <= maxCounts)) {
      throw invalid(`positions[${i}]`, `${positions[i]}`, "a finite number within ±2147 rad or m");
    }
    out[i] = counts;
  }
}

function invalid(field: string, observed: string, expected: string): OmpError {
  return new OmpError("INVALID_ARGUMENT", {
    what: `trajectory.${field} cannot be sent`,
    observed,
    expected,
  });
}

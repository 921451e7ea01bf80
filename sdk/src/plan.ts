import { createTrajectory, type Trajectory } from "./types.ts";

/** Waypoints for the link and what the arm does where their first ramp begins, one step before the chunk's `firstRow` is due. */
export interface Plan {
  readonly trajectory: Trajectory;
  /** Row of the chunk that is due one step after the junction. */
  firstRow: number;
  readonly junctionPosition: Float64Array;
  /** Per second. */
  readonly junctionVelocity: Float64Array;
  /** Per s²: how the velocity changed there. */
  readonly junctionAcceleration: Float64Array;
}

/** An empty plan of at most `capacity` waypoints. */
export function createPlan(capacity: number, jointCount: number): Plan {
  return {
    trajectory: createTrajectory(capacity, jointCount),
    firstRow: 0,
    junctionPosition: new Float64Array(jointCount),
    junctionVelocity: new Float64Array(jointCount),
    junctionAcceleration: new Float64Array(jointCount),
  };
}

/** Position of a waypoint; row -1 is the junction. */
export function positionAt({ trajectory, junctionPosition }: Plan, row: number, j: number): number {
  const { positions, jointCount } = trajectory;
  return (row < 0 ? junctionPosition[j] : positions[row * jointCount + j]) ?? Number.NaN;
}

/** Velocity of the segment that ends at a waypoint, per second; row -1 is the junction. */
export function velocityAt(plan: Plan, row: number, j: number): number {
  if (row < 0) return plan.junctionVelocity[j] ?? Number.NaN;
  const distance = positionAt(plan, row, j) - positionAt(plan, row - 1, j);
  return (distance * 1000) / plan.trajectory.dtMs;
}

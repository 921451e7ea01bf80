import { createTrajectory, type Trajectory } from "./types.ts";

/** Waypoints for the link and what the arm does where their first ramp begins, one step before the chunk's `firstRow` is due. */
export interface Plan {
  readonly trajectory: Trajectory;
  /** Row of the chunk that is due one step after the junction. */
  firstRow: number;
  readonly junctionPosition: Float64Array;
  /** Per second. */
  readonly junctionVelocity: Float64Array;
}

/** An empty plan of at most `capacity` waypoints. */
export function createPlan(capacity: number, jointCount: number): Plan {
  return {
    trajectory: createTrajectory(capacity, jointCount),
    firstRow: 0,
    junctionPosition: new Float64Array(jointCount),
    junctionVelocity: new Float64Array(jointCount),
  };
}

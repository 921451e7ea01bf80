import type { Plan } from "../plan.ts";
import type { ActionChunk } from "../types.ts";

/**
 * How a new chunk joins the motion that is under way.
 *
 * What it makes of a chunk goes through `ActionGuard.enforce` afterwards. It runs once a chunk and allocates nothing.
 */
export interface ChunkHandover {
  /** Waypoints it makes of one row. */
  readonly pointsPerStep: number;
  /** Forgets the chunks before: the arm rests, or something else has moved it. */
  reset(): void;
  /**
   * Changes `plan` in place. Its waypoints are the rows of `chunk` from `plan.firstRow` on, a policy step apart; its junction is
   * what the arm does one step before the first of them. `plan.trajectory` has room for `pointsPerStep` times its waypoints.
   */
  join(plan: Plan, chunk: Readonly<ActionChunk>): void;
}

/** The new chunk as it is: the seam is as large as the two chunks disagree. */
export const replace: ChunkHandover = {
  pointsPerStep: 1,
  reset: () => undefined,
  join: () => undefined,
};

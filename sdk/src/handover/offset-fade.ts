import type { Plan } from "../plan.ts";
import type { ActionChunk } from "../types.ts";
import type { ChunkHandover } from "./chunk-handover.ts";

/**
 * Keeps the running command and its velocity at the junction and lets the difference to the new chunk fade: the waypoints are
 * `chunk(t) + fadedOffset(t)`, where the offset begins as the difference in position and velocity and has ended, with
 * velocity and acceleration 0, after `fadeMs`. A chunk that agrees with the running plan is not changed.
 */
export class OffsetFade implements ChunkHandover {
  readonly pointsPerStep = 1;
  readonly #fadeMs: number;
  readonly #isBlended: readonly boolean[];

  /** @param isBlended a joint; the others jump, as a gripper that is either open or closed must */
  constructor(fadeMs: number, isBlended: readonly boolean[]) {
    this.#fadeMs = fadeMs;
    this.#isBlended = isBlended;
  }

  reset(): void {}

  join(
    { trajectory, firstRow, junctionPosition, junctionVelocity }: Plan,
    chunk: ActionChunk,
  ): void {
    const { positions, count, jointCount, dtMs } = trajectory;
    for (let j = 0; j < jointCount; j += 1) {
      if (this.#isBlended[j] !== true) continue;
      const here = rowAt(chunk, firstRow - 1, j);
      const chunkVelocity = ((here - rowAt(chunk, firstRow - 2, j)) * 1000) / dtMs;
      const position = (junctionPosition[j] ?? Number.NaN) - here;
      const velocity = (junctionVelocity[j] ?? Number.NaN) - chunkVelocity;
      for (let row = 0; row < count; row += 1) {
        const index = row * jointCount + j;
        const offset = fadedOffset((row + 1) * dtMs, this.#fadeMs, position, velocity);
        positions[index] = (positions[index] ?? Number.NaN) + offset;
      }
    }
  }
}

/**
 * The quintic that begins at `position` with `velocity` and acceleration 0, and is 0 with all derivatives from `fadeMs` on.
 *
 * @param velocity per second
 */
export function fadedOffset(
  atMs: number,
  fadeMs: number,
  position: number,
  velocity: number,
): number {
  const s = atMs / fadeMs;
  if (s >= 1) return 0;
  const cube = s ** 3;
  const ofPosition = 1 - cube * (10 - s * (15 - 6 * s));
  const ofVelocity = s - cube * (6 - s * (8 - 3 * s));
  return position * ofPosition + velocity * (fadeMs / 1000) * ofVelocity;
}

/** A row of one joint; before the first one the chunk is continued in a straight line. */
function rowAt({ rows, actionDim, horizon }: ActionChunk, row: number, j: number): number {
  const first = rows[j] ?? Number.NaN;
  if (row >= 0) return rows[row * actionDim + j] ?? Number.NaN;
  const second = horizon > 1 ? (rows[actionDim + j] ?? Number.NaN) : first;
  return first + row * (second - first);
}

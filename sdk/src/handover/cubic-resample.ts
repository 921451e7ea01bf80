import type { Plan } from "../plan.ts";
import type { ActionChunk } from "../types.ts";
import type { ChunkHandover } from "./chunk-handover.ts";

/**
 * Puts `pointsPerStep` waypoints where another hand-over put one: on the cubic Hermite curve (tangents of Catmull and Rom) through
 * its waypoints, which leaves the junction with the running velocity. The controller ramps from waypoint to waypoint in
 * straight lines; the corners between them become that much smaller.
 */
export class CubicResample implements ChunkHandover {
  readonly pointsPerStep: number;
  readonly #inner: ChunkHandover;
  readonly #isBlended: readonly boolean[];
  readonly #knots: Float64Array;

  /** @param isBlended a joint; the others keep their straight ramps, which never overshoot */
  constructor(
    inner: ChunkHandover,
    pointsPerStep: number,
    horizon: number,
    isBlended: readonly boolean[],
  ) {
    this.#inner = inner;
    this.pointsPerStep = pointsPerStep;
    this.#isBlended = isBlended;
    this.#knots = new Float64Array(horizon * isBlended.length);
  }

  reset(): void {
    this.#inner.reset();
  }

  join(plan: Plan, chunk: Readonly<ActionChunk>): void {
    this.#inner.join(plan, chunk);
    const { trajectory } = plan;
    const { positions, count, jointCount, dtMs } = trajectory;
    for (let i = 0; i < count * jointCount; i += 1) this.#knots[i] = positions[i] ?? Number.NaN;
    for (let j = 0; j < jointCount; j += 1) this.#fillJoint(plan, j);
    const pointMs = dtMs / this.pointsPerStep;
    trajectory.startAtMs += pointMs - dtMs;
    trajectory.dtMs = pointMs;
    trajectory.count = count * this.pointsPerStep;
  }

  #fillJoint({ trajectory, junctionPosition, junctionVelocity }: Plan, j: number): void {
    const { positions, count, jointCount, dtMs } = trajectory;
    const points = this.pointsPerStep;
    const isCurved = this.#isBlended[j] === true;
    let from = junctionPosition[j] ?? Number.NaN;
    let leaving = ((junctionVelocity[j] ?? Number.NaN) * dtMs) / 1000;
    for (let row = 0; row < count; row += 1) {
      const knot = row * jointCount + j;
      const to = this.#knots[knot] ?? Number.NaN;
      const next = row + 1 < count ? (this.#knots[knot + jointCount] ?? Number.NaN) : 2 * to - from;
      const arriving = (next - from) / 2;
      for (let k = 1; k < points; k += 1) {
        const s = k / points;
        positions[(row * points + k - 1) * jointCount + j] = isCurved
          ? hermite(s, from, leaving, to, arriving)
          : from + (to - from) * s;
      }
      positions[(row * points + points - 1) * jointCount + j] = to;
      from = to;
      leaving = arriving;
    }
  }
}

/** The cubic on 0 … 1 from `from` to `to` with these derivatives at its ends. */
function hermite(s: number, from: number, leaving: number, to: number, arriving: number): number {
  const rest = 1 - s;
  const ofFrom = rest * rest * (1 + 2 * s);
  return from * ofFrom + to * (1 - ofFrom) + s * rest * (leaving * rest - arriving * s);
}

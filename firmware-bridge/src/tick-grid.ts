/** Asks whether the segment that ends at `gridTick` may be one tick shorter than dt without breaking a velocity limit. */
export type MayShorten = (gridTick: number) => boolean;

/** A grid follows the clock map by single ticks once it is further off than this. */
const slipThresholdTicks = 2;
/** Host times of one grid differ by whole multiples of dt; what is left is rounding of doubles. */
const gridToleranceMs = 1e-3;

/**
 * Places trajectories on ticks.
 *
 * A chunk stream is one grid of host time: every trajectory starts a whole number of dt after the one before. Mapping each start by
 * itself would let the clock map's wobble (fractions of a tick per probe, plus rounding) move `t0` by a tick against the waypoints the
 * controller still holds. That stretches or squeezes the segment at the junction, which is a velocity step of 1/dt. So the ticks
 * have a grid as well, and within a stream `t0` is the previous grid plus whole dt. Crystals drift apart, though, so the tick grid
 * follows the map:
 *
 * - at rest it takes the map's tick, because a first segment from rest always lasts dt;
 * - in motion, once it is more than 2 ticks off, it slips by one tick per trajectory. Later is always within the velocity limit;
 *   sooner only when the junction segment has room for it, else it waits for a slower one;
 * - more than dt / 2 off, or with another dt or host grid, it is another stream and starts over at the map's tick.
 *
 * Slipping one tick per chunk outruns 100 ppm of drift a hundredfold, so the grid stays within a few ticks of the map.
 */
export class TickGrid {
  #hostMs = Number.NaN;
  #tick = 0;
  #dtTicks = 0;

  /** Forgets the stream. */
  reset(): void {
    this.#hostMs = Number.NaN;
  }

  /**
   * The tick of a trajectory's first waypoint.
   *
   * @param mappedTick where the clock map puts `startAtMs`, fractional
   */
  place(
    startAtMs: number,
    dtMs: number,
    dtTicks: number,
    mappedTick: number,
    isAtRest: boolean,
    mayShorten: MayShorten,
  ): number {
    const tick = this.#continuedTick(startAtMs, dtMs, dtTicks, mappedTick, isAtRest, mayShorten);
    this.#hostMs = startAtMs;
    this.#tick = tick;
    this.#dtTicks = dtTicks;
    return tick;
  }

  #continuedTick(
    startAtMs: number,
    dtMs: number,
    dtTicks: number,
    mappedTick: number,
    isAtRest: boolean,
    mayShorten: MayShorten,
  ): number {
    const restarted = Math.round(mappedTick);
    if (isAtRest || Number.isNaN(this.#hostMs) || dtTicks !== this.#dtTicks) return restarted;
    const steps = Math.round((startAtMs - this.#hostMs) / dtMs);
    if (Math.abs(startAtMs - this.#hostMs - steps * dtMs) > gridToleranceMs) return restarted;
    const gridTick = this.#tick + steps * dtTicks;
    const lag = mappedTick - gridTick;
    if (Math.abs(lag) > dtTicks / 2) return restarted;
    if (lag > slipThresholdTicks) return gridTick + 1;
    if (lag < -slipThresholdTicks && mayShorten(gridTick)) return gridTick - 1;
    return gridTick;
  }
}

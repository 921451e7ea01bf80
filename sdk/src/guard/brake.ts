/** More steps than any stop takes; a state that does not rest by then counts as one that never does. */
const MAX_STEPS = 10_000;

/**
 * The largest whole v with v + (v − change) + (v − 2 change) + … <= total, summed while positive: the longest step from which a
 * joint that slows down by `change` a step rests within `total`, and the strongest deceleration that can be let go of by
 * `change` a step before the speed `total` is used up.
 *
 * @param change whole, at least 1
 */
export function longestRamp(total: number, change: number): number {
  if (total <= 0) return 0;
  const n = Math.floor((Math.sqrt(1 + (8 * total) / change) - 1) / 2);
  return Math.floor((total + (change * n * (n + 1)) / 2) / (n + 1));
}

/** `low` may exceed `high` only where the caller clamps again; then `high` wins. */
export function between(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/**
 * The stop of one joint, on a grid of equal periods and in whole units: `step` is the distance of a period, `change` the difference
 * of two steps. The change never exceeds `maxChange` and differs from the one before by at most `maxJerk`.
 *
 * The stop is the fastest one that does not reverse: the deceleration grows to the strongest one that can still be let go of in time.
 * It depends on step and change alone, so every state that it passes through has the rest of it as its own stop.
 */
export class Brake {
  /** Distance from the start of the last `run` to rest. */
  travel: number = 0;
  /** Extremes of the distance on the way, 0 included. */
  lowest: number = 0;
  highest: number = 0;
  /** Extremes of the step on the way, the first one included. */
  slowest: number = 0;
  fastest: number = 0;
  maxChange: number = 1;
  maxJerk: number = 1;

  /** The first change of the stop. */
  changeFrom(step: number, change: number): number {
    const strength = Math.min(longestRamp(Math.abs(step), this.maxJerk), this.maxChange);
    const wanted = step > 0 ? -strength : strength;
    return between(wanted, change - this.maxJerk, change + this.maxJerk);
  }

  /** Follows the stop from a step that was just made and the change that led to it. */
  run(step: number, change: number): void {
    this.travel = 0;
    this.lowest = 0;
    this.highest = 0;
    this.slowest = step;
    this.fastest = step;
    let speed = step;
    let last = change;
    for (let n = 0; speed !== 0 || Math.abs(last) > this.maxJerk; n += 1) {
      if (n === MAX_STEPS) {
        this.lowest = Number.NEGATIVE_INFINITY;
        this.highest = Number.POSITIVE_INFINITY;
        return;
      }
      const next = this.changeFrom(speed, last);
      const count = next === last ? this.#steadySteps(speed) : 1;
      this.travel += count * speed + (next * count * (count + 1)) / 2;
      speed += count * next;
      last = next;
      if (this.travel < this.lowest) this.lowest = this.travel;
      if (this.travel > this.highest) this.highest = this.travel;
      if (speed < this.slowest) this.slowest = speed;
      if (speed > this.fastest) this.fastest = speed;
    }
  }

  /** Steps for which the full deceleration goes on, at least 1. */
  #steadySteps(step: number): number {
    const { maxChange, maxJerk } = this;
    const n = Math.floor(maxChange / maxJerk);
    const release = maxChange * (n + 1) - (maxJerk * n * (n + 1)) / 2;
    return Math.max(1, Math.floor((Math.abs(step) - release) / maxChange) + 1);
  }
}

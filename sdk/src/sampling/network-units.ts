import type { Manifest } from "../bundle/manifest.ts";

/** A channel whose training range is smaller is only shifted. As in `omp_models/normalize.py`. */
const MIN_RANGE = 1e-4;

/** Physical units to network units, channel by channel: `value * scale + offset`. [min, max] of the training set is [-1, 1]. */
export interface NetworkUnits {
  readonly scale: Float64Array;
  readonly offset: Float64Array;
}

/** Of the actions. */
export function networkUnits({ action, normalization }: Manifest): NetworkUnits {
  const { min = [], max = [] } = normalization.stats.get(action.key) ?? {};
  const lows = Float64Array.from(min);
  const ranges = lows.map((low, i) => (max[i] ?? Number.NaN) - low);
  const scale = ranges.map((range) => (range < MIN_RANGE ? 1 : 2 / range));
  const offset = lows.map((low, i) =>
    (ranges[i] ?? Number.NaN) < MIN_RANGE ? -low : -1 - (scale[i] ?? Number.NaN) * low,
  );
  return { scale, offset };
}

/** Counts per rad or m, of positions and of velocity and acceleration limits. */
export const countsPerUnit = 1_000_000;
/** Counts per rad/s or m/s in STATE, and per N·m or N. */
export const stateCountsPerUnit = 1_000;

/** rad to µrad (m to µm): nearest, ties away from zero. */
export function toCounts(value: number): number {
  const counts = value * countsPerUnit;
  return counts < 0 ? -Math.round(-counts) : Math.round(counts);
}

/** µrad to rad (µm to m): the double nearest to the decimal value, so that `toCounts` gives the count back. */
export function fromCounts(counts: number): number {
  return counts / countsPerUnit;
}

/** `a - b` of two wrapping u32 ticks, -2^31 to 2^31 - 1. */
export function tickDifference(a: number, b: number): number {
  return (a - b) | 0;
}

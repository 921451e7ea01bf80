/** Farthest point sampling by the plain loop: what the sampler must equal, and what it is measured against. */
export function plainFarthestPoints(
  points: Float64Array,
  count: number,
  chosen: Int32Array,
  nearest: Float64Array = new Float64Array(count),
): void {
  nearest.fill(Number.POSITIVE_INFINITY);
  let current = 0;
  for (let i = 0; i < chosen.length; i += 1) {
    chosen[i] = current;
    const px = points[3 * current] ?? 0;
    const py = points[3 * current + 1] ?? 0;
    const pz = points[3 * current + 2] ?? 0;
    let farthest = -1;
    for (let j = 0, at = 0; j < count; j += 1, at += 3) {
      const dx = (points[at] ?? 0) - px;
      const dy = (points[at + 1] ?? 0) - py;
      const dz = (points[at + 2] ?? 0) - pz;
      const distance = Math.min(nearest[j] ?? 0, dx * dx + dy * dy + dz * dz);
      nearest[j] = distance;
      if (distance > farthest) {
        farthest = distance;
        current = j;
      }
    }
  }
}

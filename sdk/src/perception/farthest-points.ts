import { ErrorCode, OmpError } from "../errors.ts";

/** Smaller leaves prune better and cost more boxes. */
const LEAF_POINTS = 128;
/** The larger half of a split waits, so never more than log2 of the points are waiting. */
const MAX_WAITING = 32;
const BOX = 6;

/**
 * Farthest point sampling, exact: each further point is the one whose distance to the nearest chosen point is largest, of
 * equal ones the first, beginning with point 0. The same indices, bit for bit, as the plain loop over all points.
 *
 * Points lie in the leaves of a k-d tree. A leaf whose box is farther from the newly chosen point than every point of it is
 * from one chosen before is left alone. Rounding is monotone, so the bound holds in floating point too.
 * Memory is fixed at construction; a call allocates nothing.
 */
export class FarthestPointSampler {
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #z: Float64Array;
  /** Squared distance to the nearest chosen point. */
  readonly #nearest: Float64Array;
  /** Which point of the caller stands here. */
  readonly #origin: Int32Array;
  readonly #leafStart: Int32Array;
  readonly #leafEnd: Int32Array;
  /** minX, minY, minZ, maxX, maxY, maxZ a leaf. */
  readonly #leafBox: Float64Array;
  /** The largest `nearest` of a leaf, and the first of the caller's points that has it. */
  readonly #leafFarthest: Float64Array;
  readonly #leafPoint: Int32Array;
  readonly #box: Float64Array = new Float64Array(BOX);
  readonly #waiting: Int32Array = new Int32Array(2 * MAX_WAITING);
  #leaves = 0;

  /** @param maxPoints most points a call may bring; 60 to 120 bytes each */
  constructor(maxPoints: number) {
    this.#x = new Float64Array(maxPoints);
    this.#y = new Float64Array(maxPoints);
    this.#z = new Float64Array(maxPoints);
    this.#nearest = new Float64Array(maxPoints);
    this.#origin = new Int32Array(maxPoints);
    this.#leafStart = new Int32Array(maxPoints);
    this.#leafEnd = new Int32Array(maxPoints);
    this.#leafBox = new Float64Array(BOX * maxPoints);
    this.#leafFarthest = new Float64Array(maxPoints);
    this.#leafPoint = new Int32Array(maxPoints);
  }

  /**
   * Fills `chosen` with indices of points.
   *
   * @param points x, y, z of one point after the other, finite
   * @param count points to choose from, at least as many as `chosen` is long
   * @throws {OmpError} INVALID_ARGUMENT
   */
  sample(points: Float64Array, count: number, chosen: Int32Array): void {
    if (count > this.#x.length || count < chosen.length || points.length < 3 * count) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "farthest points cannot be sampled",
        observed: `${count} points in ${points.length} numbers, ${chosen.length} to choose`,
        expected: `${chosen.length} to ${this.#x.length} points of 3 numbers`,
      });
    }
    this.#load(points, count);
    this.#build(count);
    let current = 0;
    for (let i = 0; i < chosen.length; i += 1) {
      chosen[i] = current;
      current = this.#choose(points, 3 * current);
    }
  }

  #load(points: Float64Array, count: number): void {
    for (let i = 0, at = 0; i < count; i += 1, at += 3) {
      this.#x[i] = points[at] ?? 0;
      this.#y[i] = points[at + 1] ?? 0;
      this.#z[i] = points[at + 2] ?? 0;
      this.#nearest[i] = Number.POSITIVE_INFINITY;
      this.#origin[i] = i;
    }
  }

  /** Sorts the points into leaves by halving boxes. */
  #build(count: number): void {
    const waiting = this.#waiting;
    this.#leaves = 0;
    let depth = 0;
    let start = 0;
    let end = count;
    for (;;) {
      this.#measure(start, end);
      const middle = end - start > LEAF_POINTS ? this.#split(start, end) : end;
      if (middle === end) {
        this.#addLeaf(start, end);
        if (depth === 0) return;
        depth -= 1;
        start = waiting[2 * depth] ?? 0;
        end = waiting[2 * depth + 1] ?? 0;
        continue;
      }
      const isLeftLarger = middle - start > end - middle;
      waiting[2 * depth] = isLeftLarger ? start : middle;
      waiting[2 * depth + 1] = isLeftLarger ? middle : end;
      depth += 1;
      if (isLeftLarger) start = middle;
      else end = middle;
    }
  }

  /** The box of a range of points. */
  #measure(start: number, end: number): void {
    const [x, y, z, box] = [this.#x, this.#y, this.#z, this.#box];
    let minX = Number.POSITIVE_INFINITY;
    let minY = Number.POSITIVE_INFINITY;
    let minZ = Number.POSITIVE_INFINITY;
    let maxX = Number.NEGATIVE_INFINITY;
    let maxY = Number.NEGATIVE_INFINITY;
    let maxZ = Number.NEGATIVE_INFINITY;
    for (let i = start; i < end; i += 1) {
      const px = x[i] ?? 0;
      const py = y[i] ?? 0;
      const pz = z[i] ?? 0;
      if (px < minX) minX = px;
      if (px > maxX) maxX = px;
      if (py < minY) minY = py;
      if (py > maxY) maxY = py;
      if (pz < minZ) minZ = pz;
      if (pz > maxZ) maxZ = pz;
    }
    box[0] = minX;
    box[1] = minY;
    box[2] = minZ;
    box[3] = maxX;
    box[4] = maxY;
    box[5] = maxZ;
  }

  /** Puts the points of the lower half of the measured box first; the first of the upper half, or `end` for no split. */
  #split(start: number, end: number): number {
    const box = this.#box;
    let axis = 0;
    for (let other = 1; other < 3; other += 1) {
      if (extent(box, other) > extent(box, axis)) axis = other;
    }
    const low = box[axis] ?? 0;
    const cut = low + extent(box, axis) / 2;
    // Also where all points are one, or too close for a number to lie between them.
    if (!(cut < (box[axis + 3] ?? 0))) return end;
    const values = axis === 0 ? this.#x : axis === 1 ? this.#y : this.#z;
    let left = start;
    let right = end - 1;
    for (;;) {
      while ((values[left] ?? 0) <= cut) left += 1;
      while ((values[right] ?? 0) > cut) right -= 1;
      if (left > right) return left;
      swap(this.#x, left, right);
      swap(this.#y, left, right);
      swap(this.#z, left, right);
      swap(this.#origin, left, right);
    }
  }

  #addLeaf(start: number, end: number): void {
    const leaf = this.#leaves;
    this.#leafStart[leaf] = start;
    this.#leafEnd[leaf] = end;
    this.#leafFarthest[leaf] = Number.POSITIVE_INFINITY;
    for (let i = 0; i < BOX; i += 1) this.#leafBox[BOX * leaf + i] = this.#box[i] ?? 0;
    this.#leaves += 1;
  }

  /** Counts the point as chosen; returns the point that is now farthest from every chosen one. */
  #choose(points: Float64Array, pointAt: number): number {
    // Read here, because a double that crosses a call is boxed.
    const px = points[pointAt] ?? 0;
    const py = points[pointAt + 1] ?? 0;
    const pz = points[pointAt + 2] ?? 0;
    const [box, leafFarthest, leafPoint] = [this.#leafBox, this.#leafFarthest, this.#leafPoint];
    let farthest = -1;
    let point = 0;
    for (let leaf = 0, at = 0; leaf < this.#leaves; leaf += 1, at += BOX) {
      const dx = gap(px, box[at] ?? 0, box[at + 3] ?? 0);
      const dy = gap(py, box[at + 1] ?? 0, box[at + 4] ?? 0);
      const dz = gap(pz, box[at + 2] ?? 0, box[at + 5] ?? 0);
      if (dx * dx + dy * dy + dz * dz < (leafFarthest[leaf] ?? 0))
        this.#update(leaf, points, pointAt);
      const distance = leafFarthest[leaf] ?? 0;
      const candidate = leafPoint[leaf] ?? 0;
      if (distance > farthest || (distance === farthest && candidate < point)) {
        farthest = distance;
        point = candidate;
      }
    }
    return point;
  }

  #update(leaf: number, points: Float64Array, pointAt: number): void {
    const px = points[pointAt] ?? 0;
    const py = points[pointAt + 1] ?? 0;
    const pz = points[pointAt + 2] ?? 0;
    const [x, y, z, nearest, origin] = [this.#x, this.#y, this.#z, this.#nearest, this.#origin];
    const end = this.#leafEnd[leaf] ?? 0;
    let farthest = -1;
    let point = 0;
    for (let i = this.#leafStart[leaf] ?? 0; i < end; i += 1) {
      const dx = (x[i] ?? 0) - px;
      const dy = (y[i] ?? 0) - py;
      const dz = (z[i] ?? 0) - pz;
      const distance = Math.min(nearest[i] ?? 0, dx * dx + dy * dy + dz * dz);
      nearest[i] = distance;
      const candidate = origin[i] ?? 0;
      if (distance > farthest || (distance === farthest && candidate < point)) {
        farthest = distance;
        point = candidate;
      }
    }
    this.#leafFarthest[leaf] = farthest;
    this.#leafPoint[leaf] = point;
  }
}

function extent(box: Float64Array, axis: number): number {
  return (box[axis + 3] ?? 0) - (box[axis] ?? 0);
}

/** Distance from a value to a range, negative or positive or 0 inside. */
function gap(value: number, low: number, high: number): number {
  return value < low ? low - value : value > high ? value - high : 0;
}

function swap(values: Float64Array | Int32Array, i: number, j: number): void {
  const kept = values[i] ?? 0;
  values[i] = values[j] ?? 0;
  values[j] = kept;
}

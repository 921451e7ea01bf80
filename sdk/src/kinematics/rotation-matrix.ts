import type { Quaternion, Vector } from "./rotation.ts";

/** A row-major 3 x 3 matrix somewhere in an array: allocation-free arithmetic for the control path. */

/** out[o …] = a[ao …] · b[bo …]; `out` is neither of the two. */
export function multiplyInto(
  out: Float64Array,
  o: number,
  a: Readonly<Float64Array>,
  ao: number,
  b: Readonly<Float64Array>,
  bo: number,
): void {
  for (let row = 0; row < 9; row += 3) {
    for (let column = 0; column < 3; column += 1) {
      out[o + row + column] =
        at(a, ao + row) * at(b, bo + column) +
        at(a, ao + row + 1) * at(b, bo + column + 3) +
        at(a, ao + row + 2) * at(b, bo + column + 6);
    }
  }
}

/** out[o …] += scale · (matrix[mo …] · vector), of 3 numbers. */
export function addRotated(
  out: Float64Array,
  o: number,
  matrix: Readonly<Float64Array>,
  mo: number,
  vector: Vector,
  scale: number,
): void {
  for (let row = 0; row < 3; row += 1) {
    const i = mo + 3 * row;
    out[o + row] =
      at(out, o + row) +
      scale *
        (at(matrix, i) * vector[0] + at(matrix, i + 1) * vector[1] + at(matrix, i + 2) * vector[2]);
  }
}

/** The rotation about an axis of length 1 (Rodrigues). */
export function setAboutAxis(out: Float64Array, [x, y, z]: Vector, radians: number): void {
  const sine = Math.sin(radians);
  const cosine = Math.cos(radians);
  const rest = 1 - cosine;
  out[0] = cosine + rest * x * x;
  out[1] = rest * x * y - sine * z;
  out[2] = rest * x * z + sine * y;
  out[3] = rest * x * y + sine * z;
  out[4] = cosine + rest * y * y;
  out[5] = rest * y * z - sine * x;
  out[6] = rest * x * z - sine * y;
  out[7] = rest * y * z + sine * x;
  out[8] = cosine + rest * z * z;
}

export function matrixOf([w, x, y, z]: Quaternion): Float64Array {
  return Float64Array.of(
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  );
}

function at(values: Readonly<Float64Array>, index: number): number {
  return values[index] ?? Number.NaN;
}

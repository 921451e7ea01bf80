/** x, y, z. */
export type Vector = readonly [number, number, number];

/** w, x, y, z, of length 1. */
export type Quaternion = readonly [number, number, number, number];

export const ORIGIN: Vector = [0, 0, 0];
export const IDENTITY: Quaternion = [1, 0, 0, 0];

/** Rotation by `b`, then by `a`. */
export function multiply(a: Quaternion, b: Quaternion): Quaternion {
  const [aw, ax, ay, az] = a;
  const [bw, bx, by, bz] = b;
  return [
    aw * bw - ax * bx - ay * by - az * bz,
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
  ];
}

export function rotate([w, x, y, z]: Quaternion, [vx, vy, vz]: Vector): Vector {
  const tx = 2 * (y * vz - z * vy);
  const ty = 2 * (z * vx - x * vz);
  const tz = 2 * (x * vy - y * vx);
  return [
    vx + w * tx + (y * tz - z * ty),
    vy + w * ty + (z * tx - x * tz),
    vz + w * tz + (x * ty - y * tx),
  ];
}

/** @param axis of length 1 */
export function aboutAxis([x, y, z]: Vector, radians: number): Quaternion {
  const sine = Math.sin(radians / 2);
  return [Math.cos(radians / 2), x * sine, y * sine, z * sine];
}

/** Rotations about the fixed axes x, then y, then z: URDF's `rpy`. */
export function fromRollPitchYaw([roll, pitch, yaw]: Vector): Quaternion {
  return multiply(
    multiply(aboutAxis([0, 0, 1], yaw), aboutAxis([0, 1, 0], pitch)),
    aboutAxis([1, 0, 0], roll),
  );
}

/** The frame whose x axis is `x` and whose y axis lies in the plane of `x` and `y`; undefined when they are parallel. */
export function fromAxes(x: Vector, y: Vector): Quaternion | undefined {
  const ex = unit(x);
  if (ex === undefined) return undefined;
  const along = dot(ex, y);
  const ey = unit([y[0] - along * ex[0], y[1] - along * ex[1], y[2] - along * ex[2]]);
  return ey === undefined ? undefined : fromColumns(ex, ey, cross(ex, ey));
}

/** The smallest rotation that takes the z axis to `z`; undefined for a vector of length 0. */
export function fromZAxis(z: Vector): Quaternion | undefined {
  const ez = unit(z);
  if (ez === undefined) return undefined;
  const axis = unit(cross([0, 0, 1], ez)) ?? ([1, 0, 0] as const);
  return aboutAxis(axis, Math.atan2(Math.hypot(ez[0], ez[1]), ez[2]));
}

/** The vector of length 1; undefined for a vector of length 0. */
export function unit([x, y, z]: Vector): Vector | undefined {
  const length = Math.hypot(x, y, z);
  return length > 1e-10 ? [x / length, y / length, z / length] : undefined;
}

/** The quaternion of length 1; undefined for one of length 0. */
export function unitQuaternion([w, x, y, z]: Quaternion): Quaternion | undefined {
  const length = Math.hypot(w, x, y, z);
  return length > 1e-10 ? [w / length, x / length, y / length, z / length] : undefined;
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function cross([ax, ay, az]: Vector, [bx, by, bz]: Vector): Vector {
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}

/** Of a rotation matrix given by its columns; the largest of w, x, y, z is computed first, so that nothing is divided by a small one. */
function fromColumns(a: Vector, b: Vector, c: Vector): Quaternion {
  const trace = a[0] + b[1] + c[2];
  const ww = 1 + trace;
  const xx = 1 + 2 * a[0] - trace;
  const yy = 1 + 2 * b[1] - trace;
  const zz = 1 + 2 * c[2] - trace;
  const wx = b[2] - c[1];
  const wy = c[0] - a[2];
  const wz = a[1] - b[0];
  const xy = a[1] + b[0];
  const xz = c[0] + a[2];
  const yz = b[2] + c[1];
  const largest = Math.max(ww, xx, yy, zz);
  const half = 1 / (2 * Math.sqrt(largest));
  if (largest === ww) return [ww * half, wx * half, wy * half, wz * half];
  if (largest === xx) return [wx * half, xx * half, xy * half, xz * half];
  if (largest === yy) return [wy * half, xy * half, yy * half, yz * half];
  return [wz * half, xz * half, yz * half, zz * half];
}

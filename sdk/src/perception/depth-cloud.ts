import { ErrorCode, OmpError } from "../errors.ts";
import { FarthestPointSampler } from "./farthest-points.ts";

/** A camera without distortion: pixel (u, v) looks along ((u − cx) / fx, (v − cy) / fy, 1). All in pixels. */
export interface PinholeCamera {
  readonly width: number;
  readonly height: number;
  readonly fx: number;
  readonly fy: number;
  /** Centre of the left column is 0. */
  readonly cx: number;
  /** Centre of the top row is 0. */
  readonly cy: number;
}

/** Where a camera is in the frame of the points. */
export interface CameraPose {
  /** x, y, z, m. */
  readonly position: readonly number[];
  /** 3 × 3, row-major. Its columns are the camera's axes: x right, y down, z forward (ROS optical frame, OpenCV). */
  readonly rotation: readonly number[];
}

/** What becomes of a depth image; all of it must be what the policy was trained with. Plain data. */
export interface DepthCloudSpec {
  readonly camera: PinholeCamera;
  readonly pose: CameraPose;
  /** Of one unit of the image: 0.001 where depth is in mm. */
  readonly metresPerUnit: number;
  /** The box that is kept, borders included, in the frame of the points, m. */
  readonly crop: { readonly low: readonly number[]; readonly high: readonly number[] };
  /** Points of a cloud. */
  readonly points: number;
  /** Takes every n-th row and column; 1 when left out. */
  readonly stride?: number;
}

/** Distances from the camera's plane, row by row, top left first; 0 and what is not finite is "not measured". */
export type DepthImage = Uint16Array | Float32Array | Float64Array;

/**
 * Depth image → points → crop → farthest point sampling, as `omp_models.worlds.point_cloud` does it for training: the same
 * points in the same order. Memory is fixed at construction; a call allocates nothing.
 */
export class DepthCloud {
  readonly #spec: DepthCloudSpec;
  readonly #stride: number;
  /** Direction of a column and of a row, per m of depth. */
  readonly #columns: Float64Array;
  readonly #rows: Float64Array;
  readonly #position: Float64Array;
  readonly #rotation: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  readonly #inside: Float64Array;
  readonly #sampler: FarthestPointSampler;
  readonly #chosen: Int32Array;
  #insideCount = 0;

  /** @throws {OmpError} INVALID_ARGUMENT naming what does not fit */
  constructor(spec: DepthCloudSpec) {
    checkSpec(spec);
    const { camera, pose, crop, points, stride = 1 } = spec;
    const pixels = Math.ceil(camera.width / stride) * Math.ceil(camera.height / stride);
    this.#spec = spec;
    this.#stride = stride;
    this.#columns = Float64Array.from(
      { length: camera.width },
      (_, column) => (column - camera.cx) / camera.fx,
    );
    this.#rows = Float64Array.from(
      { length: camera.height },
      (_, row) => (row - camera.cy) / camera.fy,
    );
    this.#position = Float64Array.from(pose.position);
    this.#rotation = Float64Array.from(pose.rotation);
    this.#low = Float64Array.from(crop.low);
    this.#high = Float64Array.from(crop.high);
    this.#inside = new Float64Array(3 * pixels);
    this.#sampler = new FarthestPointSampler(pixels);
    this.#chosen = new Int32Array(points);
  }

  /** Points of the last image that lay in the box. */
  get insideCount(): number {
    return this.#insideCount;
  }

  /** Which of the points in the box, in the order of their pixels, the last cloud took; fewer than wanted are repeated. */
  get chosen(): Readonly<Int32Array> {
    return this.#chosen;
  }

  /**
   * Makes the cloud of an image.
   *
   * @param depth height · width numbers
   * @param out points · 3 numbers, x, y, z, m. Where the box holds fewer points, those found are repeated in order.
   * @returns false when the box is empty: there is no cloud, `out` is as it was
   * @throws {OmpError} INVALID_ARGUMENT when an array is too short
   */
  make(depth: DepthImage, out: Float32Array): boolean {
    const { camera, points } = this.#spec;
    if (depth.length < camera.width * camera.height || out.length < 3 * points) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "a depth image or its cloud has the wrong size",
        observed: `${depth.length} pixels, room for ${out.length} numbers`,
        expected: `${camera.width} x ${camera.height} pixels, ${3 * points} numbers`,
      });
    }
    const count = this.#project(depth);
    this.#insideCount = count;
    if (count === 0) return false;
    if (count < points) {
      for (let i = 0; i < points; i += 1) this.#chosen[i] = i % count;
    } else {
      this.#sampler.sample(this.#inside, count, this.#chosen);
    }
    for (let i = 0; i < points; i += 1) {
      const from = 3 * (this.#chosen[i] ?? 0);
      out[3 * i] = this.#inside[from] ?? 0;
      out[3 * i + 1] = this.#inside[from + 1] ?? 0;
      out[3 * i + 2] = this.#inside[from + 2] ?? 0;
    }
    return true;
  }

  /** Writes the points inside the box; returns how many. */
  #project(depth: DepthImage): number {
    const { metresPerUnit, camera } = this.#spec;
    const [columns, rows, inside, stride] = [this.#columns, this.#rows, this.#inside, this.#stride];
    const [r00 = 0, r01 = 0, r02 = 0, r10 = 0, r11 = 0, r12 = 0, r20 = 0, r21 = 0, r22 = 0] =
      this.#rotation;
    const [px = 0, py = 0, pz = 0] = this.#position;
    const [lowX = 0, lowY = 0, lowZ = 0] = this.#low;
    const [highX = 0, highY = 0, highZ = 0] = this.#high;
    let at = 0;
    for (let row = 0; row < camera.height; row += stride) {
      const down = rows[row] ?? 0;
      const first = row * camera.width;
      for (let column = 0; column < camera.width; column += stride) {
        const forward = (depth[first + column] ?? 0) * metresPerUnit;
        if (!(forward > 0)) continue;
        const right = (columns[column] ?? 0) * forward;
        const below = down * forward;
        const x = r00 * right + r01 * below + r02 * forward + px;
        const y = r10 * right + r11 * below + r12 * forward + py;
        const z = r20 * right + r21 * below + r22 * forward + pz;
        // Written so that NaN is outside.
        if (!(x >= lowX && x <= highX && y >= lowY && y <= highY && z >= lowZ && z <= highZ)) {
          continue;
        }
        inside[at] = x;
        inside[at + 1] = y;
        inside[at + 2] = z;
        at += 3;
      }
    }
    return at / 3;
  }
}

/**
 * Camera and pose of a MuJoCo camera, as the simulated worlds use it: square pixels, optical axis through the middle.
 *
 * @param fovy vertical field of view, rad
 * @param position `cam_xpos`, m
 * @param rotation `cam_xmat`, row-major; the camera looks along its −z, y is up
 */
export function mujocoCamera(
  { width, height, fovy }: Readonly<Record<"width" | "height" | "fovy", number>>,
  position: readonly number[],
  rotation: readonly number[],
): Pick<DepthCloudSpec, "camera" | "pose"> {
  const focal = (0.5 * height) / Math.tan(0.5 * fovy);
  return {
    camera: { width, height, fx: focal, fy: focal, cx: (width - 1) / 2, cy: (height - 1) / 2 },
    pose: { position, rotation: rotation.map((value, i) => (i % 3 === 0 ? value : -value)) },
  };
}

function checkSpec({
  camera,
  pose,
  metresPerUnit,
  crop,
  points,
  stride = 1,
}: DepthCloudSpec): void {
  const { width, height, fx, fy, cx, cy } = camera;
  if (
    ![width, height].every(isCount) ||
    !(fx > 0 && fy > 0) ||
    ![fx, fy, cx, cy].every(Number.isFinite)
  ) {
    throw refuse("camera", camera, "a size in whole pixels, positive fx and fy, finite cx and cy");
  }
  const { position, rotation } = pose;
  if (position.length !== 3 || !position.every(Number.isFinite) || !isRotation(rotation)) {
    throw refuse("pose", pose, "3 m and a rotation matrix of 9 numbers");
  }
  if (!(metresPerUnit > 0 && Number.isFinite(metresPerUnit))) {
    throw refuse("metresPerUnit", metresPerUnit, "a positive number");
  }
  const { low, high } = crop;
  const isBox = low.length === 3 && high.length === 3 && low.every((v, i) => v < (high[i] ?? v));
  if (!isBox) throw refuse("crop", crop, "3 lower and 3 higher borders, m");
  if (![points, stride].every(isCount)) throw refuse("points or stride", { points, stride }, "> 0");
}

function refuse(what: string, observed: unknown, expected: string): OmpError {
  return new OmpError(ErrorCode.InvalidArgument, {
    what: `${what} of a depth cloud is not usable`,
    observed: JSON.stringify(observed),
    expected,
  });
}

/** Whether the columns are orthonormal and right-handed, to what four written digits allow. */
function isRotation(m: readonly number[]): boolean {
  if (m.length !== 9) return false;
  const column = (i: number): number[] => [m[i] ?? 0, m[3 + i] ?? 0, m[6 + i] ?? 0];
  const [x, y, z] = [column(0), column(1), column(2)];
  const [x0 = 0, x1 = 0, x2 = 0] = x;
  const [y0 = 0, y1 = 0, y2 = 0] = y;
  const cross = [x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0];
  const off = [dot(x, x) - 1, dot(y, y) - 1, dot(x, y), dot(cross, z) - 1];
  return off.every((value) => Math.abs(value) < 1e-3);
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

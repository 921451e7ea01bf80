import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as fc from "fast-check";
import { DepthCloud, FarthestPointSampler, isOmpError, mujocoCamera } from "omp-edge";

import { plainFarthestPoints } from "../support/plain-farthest-points.ts";
import { repositoryPath } from "../support/repository.ts";
import { needsPython, runPythonFile } from "../python/python.ts";

/** A camera and what is kept of its points. */
interface CameraCase {
  readonly width: number;
  readonly height: number;
  readonly fovy: number;
  /** Pixels, from `fovy`; the tangent of two languages may differ in its last bit. */
  readonly focal: number;
  readonly position: readonly number[];
  readonly rotation: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly points: number;
  /** x, y, z of every point, m. */
  readonly cloud: readonly number[];
}

/** What test/python/cloud_vectors.py writes of one image. */
interface CloudCase extends CameraCase {
  readonly depth_mm: readonly number[];
  readonly inside: number;
  /** Empty where fewer points than wanted are inside. */
  readonly chosen: readonly number[];
}

const golden: {
  readonly images: readonly CloudCase[];
  readonly lattice: { readonly points: readonly number[]; readonly chosen: readonly number[] };
} = JSON.parse(readFileSync(repositoryPath("test", "vectors", "depth-cloud.json"), "utf8"));

function cloudOf(image: CameraCase, metresPerUnit: number): DepthCloud {
  const { low, high, points, focal } = image;
  const { camera, pose } = mujocoCamera(image, image.position, image.rotation);
  assert.ok(Math.abs(camera.fx / focal - 1) < 1e-15 && camera.fx === camera.fy);
  const exact = { camera: { ...camera, fx: focal, fy: focal }, pose };
  return new DepthCloud({ ...exact, metresPerUnit, crop: { low, high }, points });
}

function assertSameCloud(image: CloudCase): void {
  const maker = cloudOf(image, 0.001);
  const cloud = new Float32Array(3 * image.points);
  assert.ok(maker.make(Uint16Array.from(image.depth_mm), cloud));
  assert.equal(maker.insideCount, image.inside);
  if (image.chosen.length > 0) {
    const differing = image.chosen.findIndex((point, i) => point !== maker.chosen[i]);
    assert.equal(differing, -1, "index of the first point that differs");
  }
  assertSamePoints(cloud, image.cloud);
}

function assertSamePoints(cloud: Float32Array, expected: readonly number[]): void {
  assert.equal(cloud.length, expected.length);
  const difference = Math.max(...expected.map((v, i) => Math.abs(v - (cloud[i] ?? Number.NaN))));
  assert.ok(difference <= 1e-6, `points differ by ${difference} m`);
}

function sampled(points: Float64Array, count: number, wanted: number): Int32Array {
  const chosen = new Int32Array(wanted);
  new FarthestPointSampler(count).sample(points, count, chosen);
  return chosen;
}

test("golden depth images become the clouds of the training code", () => {
  assert.equal(golden.images.length, 3);
  assert.ok(golden.images.some(({ chosen }) => chosen.length === 0));
  for (const image of golden.images) assertSameCloud(image);
});

test("golden points that are equally far are chosen in the order of the training code", () => {
  const points = Float64Array.from(golden.lattice.points);
  const chosen = sampled(points, points.length / 3, golden.lattice.chosen.length);
  assert.deepEqual([...chosen], golden.lattice.chosen);
});

test(
  "the training code makes the golden clouds, and larger ones as the device does",
  needsPython,
  async () => {
    const made: typeof golden = JSON.parse(await runPythonFile("cloud_vectors.py"));
    assert.deepEqual(
      made.images.map(({ chosen }) => chosen),
      golden.images.map(({ chosen }) => chosen),
    );
    for (const image of made.images) assertSameCloud(image);
    assert.deepEqual(made.lattice, golden.lattice);
    for (const scene of [
      ["7", "160", "120", "512"],
      ["8", "128", "128", "1024"],
    ]) {
      assertSameCloud(JSON.parse(await runPythonFile("cloud_vectors.py", "--scene", ...scene)));
    }
  },
);

test(
  "the device sees the cloud that a policy learned from in Meta-World",
  needsPython,
  async (context) => {
    const seen: { readonly missing?: string } & CameraCase & {
        readonly depth_m: readonly number[];
      } = JSON.parse(await runPythonFile("cloud_vectors.py", "--world"));
    if (seen.missing !== undefined) {
      context.skip(seen.missing);
      return;
    }
    const cloud = new Float32Array(3 * seen.points);
    const maker = cloudOf(seen, 1);
    assert.ok(maker.make(Float64Array.from(seen.depth_m), cloud));
    assert.ok(maker.insideCount > seen.points);
    assertSamePoints(cloud, seen.cloud);
  },
);

test("the sampler chooses what the plain loop chooses, whatever the cloud", () => {
  const coordinate = fc.oneof(
    fc.double({ min: -1, max: 1, noNaN: true }),
    fc.integer({ min: -2, max: 2 }),
    fc.constantFrom(1e-300, -1e300, 1e150, Number.MIN_VALUE, 0.1, 0.1 + Number.EPSILON),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(coordinate, coordinate, coordinate), { minLength: 1, maxLength: 700 }),
      fc.integer({ min: 1, max: 1000 }),
      (cloud, asked) => {
        const points = Float64Array.from(cloud.flat());
        const wanted = Math.min(asked, cloud.length);
        const expected = new Int32Array(wanted);
        plainFarthestPoints(points, cloud.length, expected);
        assert.deepEqual(sampled(points, cloud.length, wanted), expected);
      },
    ),
    { numRuns: 60 },
  );
});

test("a sampler gives the same answer however it was used before", () => {
  const sampler = new FarthestPointSampler(3000);
  const random = Float64Array.from({ length: 9000 }, (_, i) => Math.sin(i * i));
  const first = new Int32Array(200);
  const again = new Int32Array(200);
  sampler.sample(random, 3000, first);
  sampler.sample(random.map(Math.abs), 1000, new Int32Array(1000));
  sampler.sample(random, 3000, again);
  assert.deepEqual(again, first);
});

test("what a camera did not measure, and what lies outside the box, is no point", () => {
  const maker = new DepthCloud({
    ...mujocoCamera({ width: 2, height: 2, fovy: 1 }, [0, 0, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1]),
    metresPerUnit: 1,
    crop: { low: [-9, -9, -0.5], high: [9, 9, 0.5] },
    points: 4,
  });
  const cloud = new Float32Array(12).fill(7);
  const { NaN: unknown, POSITIVE_INFINITY: infinite } = Number;
  assert.equal(maker.make(Float32Array.of(0, unknown, infinite, 3), cloud), false);
  assert.ok(cloud.every((value) => value === 7));
  assert.equal(maker.make(Float32Array.of(0, 1, -1, 1.25), cloud), true);
  assert.equal(maker.insideCount, 2);
  assert.deepEqual(cloud.slice(0, 6), cloud.slice(6));
  assert.deepEqual([cloud[2], cloud[5]], [0, -0.25]);
});

test("a stride takes every n-th row and column", () => {
  const [image] = golden.images;
  assert.ok(image);
  const camera = mujocoCamera(image, image.position, image.rotation);
  const crop = { low: [-99, -99, -99], high: [99, 99, 99] };
  const options = { ...camera, metresPerUnit: 0.001, crop, points: 1, stride: 3 };
  const maker = new DepthCloud(options);
  maker.make(new Uint16Array(image.width * image.height).fill(1000), new Float32Array(3));
  assert.equal(maker.insideCount, Math.ceil(image.width / 3) * Math.ceil(image.height / 3));
});

const isInvalid = (error: unknown): boolean => isOmpError(error, "INVALID_ARGUMENT");

test("what does not fit is refused", () => {
  const [image] = golden.images;
  assert.ok(image);
  const { low, high } = image;
  const camera = mujocoCamera(image, image.position, image.rotation);
  const spec = { ...camera, metresPerUnit: 0.001, crop: { low, high }, points: 8 };
  const changes = [
    { metresPerUnit: 0 },
    { points: 0 },
    { stride: 1.5 },
    { crop: { low: high, high: low } },
    { camera: { ...camera.camera, fx: -1 } },
    { camera: { ...camera.camera, width: 0 } },
    { pose: { ...camera.pose, rotation: [1, 0, 0, 0, 1, 0, 0, 0, -1] } },
    { pose: { ...camera.pose, position: [0, 0] } },
  ];
  for (const change of changes) {
    assert.throws(() => new DepthCloud({ ...spec, ...change }), isInvalid, JSON.stringify(change));
  }
  const maker = new DepthCloud(spec);
  assert.throws(() => maker.make(new Uint16Array(3), new Float32Array(24)), isInvalid);
  assert.throws(() => sampled(new Float64Array(9), 3, 4), isInvalid);
});

/**
 * Prints how many bytes of heap one sample leaves behind on its way from another thread's ring into an observation, and one depth
 * image on its way to a cloud, as JSON. Run with `--expose-gc`.
 */
import {
  createSharedSamples,
  DepthCloud,
  mujocoCamera,
  ObservationBuffer,
  SampleWriter,
  SharedSensor,
} from "omp-edge";

import { tinyManifest } from "./tiny-loop.ts";

const [state] = tinyManifest.observations;
if (state === undefined) throw new Error("the tiny policy observes something");
const camera = { ...state, key: "observation.camera" };
const { policy } = tinyManifest;
const buffer = new ObservationBuffer(
  { policy, observations: [state, camera] },
  { anchor: camera.key, keys: { [state.key]: { method: "interpolated" } } },
);
const rings = [state, camera].map(({ key, size }) => {
  const samples = createSharedSamples(size, 8);
  return { writer: new SampleWriter(samples), sensor: new SharedSensor(key, samples) };
});
for (const { sensor } of rings) await sensor.start(buffer);
const observation = buffer.createObservation();
const values = new Float64Array(state.size);
let atMs = 0.25;
let fresh = 0;

function passSample(): void {
  atMs += 5;
  for (const { writer, sensor } of rings) {
    writer.push(values, atMs);
    sensor.poll();
  }
  if (buffer.observe(atMs + 0.5, observation).status === "fresh") fresh += 1;
}

const [width, height] = [32, 24];
const depth = Uint16Array.from({ length: width * height }, (_, i) => 900 + (i % 37));
const box = { low: [-9, -9, -9], high: [9, 9, 9] };
const cloud = new Float32Array(3 * 64);
const maker = new DepthCloud({
  ...mujocoCamera({ width, height, fovy: 1 }, [0, 0, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1]),
  metresPerUnit: 0.001,
  crop: box,
  points: 64,
});

function makeCloud(): void {
  if (!maker.make(depth, cloud)) throw new Error("an empty cloud");
}

function bytesEach(run: () => void, times: number): number {
  const measure = (): number => {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < times; i += 1) run();
    return (process.memoryUsage().heapUsed - before) / times;
  };
  return Math.min(...Array.from({ length: 8 }, measure));
}

const sample = bytesEach(passSample, 30_000) / rings.length;
const image = bytesEach(makeCloud, 500);
process.stdout.write(JSON.stringify({ sample, image, fresh }));

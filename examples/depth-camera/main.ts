import { fileURLToPath } from "node:url";

import { MonotonicClock, PipeCamera } from "omp-edge/node";

// Arguments are a program that writes 160 x 120 depth images, 16-bit mm, 30 a second, to its standard output.
const simulated = [
  process.execPath,
  fileURLToPath(new URL("simulated-camera.js", import.meta.url)),
];
const command = process.argv.length > 2 ? process.argv.slice(2) : simulated;
const clock = new MonotonicClock();
const camera = new PipeCamera({
  key: "observation.point_cloud",
  source: { command },
  rateHz: 30,
  latencyMs: 40,
  maxRestarts: 0,
  frame: {
    kind: "depth",
    format: "uint16",
    metresPerUnit: 0.001,
    camera: { width: 160, height: 120, fx: 150, fy: 150, cx: 79.5, cy: 59.5 },
    // 0.8 m above the table, looking down: x to the right, y up in the picture, z towards the camera.
    pose: { position: [0, 0, 0.8], rotation: [1, 0, 0, 0, -1, 0, 0, 0, -1] },
    crop: { low: [-0.3, -0.3, 0.005], high: [0.3, 0.3, 0.3] },
    points: 512,
  },
});
await camera.start({
  push: (key, points, capturedAtMs) => {
    const top = Array.from(points).reduce((max, z, i) => (i % 3 === 2 ? Math.max(max, z) : max), 0);
    const ageMs = clock.nowMs() - capturedAtMs;
    console.log(
      key,
      `${points.length / 3} points up to ${top.toFixed(3)} m,`,
      Math.round(ageMs),
      "ms old",
    );
  },
});
// A control loop polls its sensors itself.
const poll = setInterval(() => camera.poll(), 10);
while (camera.counters.frames < 30 && camera.state !== "ended")
  await new Promise((resolve) => setTimeout(resolve, 50));
clearInterval(poll);
await camera.stop();
console.log(camera.problem, camera.counters);

import { quantileMs } from "../../firmware-bridge/src/round-trip.ts";
import {
  DepthCloud,
  FarthestPointSampler,
  ImageTensor,
  mujocoCamera,
} from "../../sdk/src/index.ts";
import { createRandom } from "../../sdk/src/random.ts";
import { plainFarthestPoints } from "../support/plain-farthest-points.ts";
import type { Bench } from "./measurement.ts";

const rounds = 30;
const clouds = [4096, 16_384, 76_800];
const chosenCounts = [512, 1024];
const width = 640;
const height = 480;
/** Looks down at a table from 0.8 m. */
const camera = mujocoCamera({ width, height, fovy: 0.9 }, [0, 0, 0.8], [1, 0, 0, 0, 1, 0, 0, 0, 1]);

interface Way {
  readonly name: string;
  readonly run: () => void;
}

/** Farthest point sampling against the plain loop, and the whole way from a depth image to a cloud. */
export const points: Bench = {
  summary:
    "depth image to cloud, picture to tensor, and exact farthest point sampling against the plain loop",

  async run(say) {
    const samples: Record<string, number[]> = {};
    const ways = [
      ...clouds.flatMap((count) => chosenCounts.flatMap((k) => samplers(count, k))),
      ...wholeWays(),
      picture(),
    ];
    // Round 0 warms up and counts for nothing. The ways take turns: what disturbs the machine disturbs all.
    for (let round = 0; round <= rounds; round += 1) {
      if (round % 10 === 0) say(`round ${round} of ${rounds}`);
      for (const { name, run } of round % 2 === 0 ? ways : ways.toReversed()) {
        const tookMs = cpuMsOf(run);
        if (round > 0) (samples[`${name}_cpu_ms`] ??= []).push(tookMs);
      }
    }
    const figures: Record<string, number> = { rounds };
    for (const [name, timesMs] of Object.entries(samples)) {
      figures[`p50_${name}`] = quantileMs(timesMs, 0.5);
      figures[`min_${name}`] = Math.min(...timesMs);
    }
    for (const count of clouds) {
      for (const k of chosenCounts) {
        const ratios = (samples[`plain_${count}_to_${k}_cpu_ms`] ?? []).map(
          (plainMs, i) => plainMs / (samples[`sampler_${count}_to_${k}_cpu_ms`]?.[i] ?? Number.NaN),
        );
        figures[`plain_over_sampler_p50_${count}_to_${k}`] = quantileMs(ratios, 0.5);
      }
    }
    return Promise.resolve({ figures, samples });
  },
};

/** Time on a core: on a machine with other load, what the work costs and not how long it waited. */
function cpuMsOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function samplers(count: number, k: number): readonly Way[] {
  const cloud = new Float64Array(3 * count);
  const columns = Math.round(Math.sqrt((count * width) / height));
  const depth = tabletop(columns, Math.ceil(count / columns));
  for (let i = 0; i < count; i += 1) {
    const z = (depth[i] ?? 0) / 1000;
    cloud.set(
      [((i % columns) / columns - 0.5) * z, (Math.floor(i / columns) / columns) * z, z],
      3 * i,
    );
  }
  const sampler = new FarthestPointSampler(count);
  const nearest = new Float64Array(count);
  const chosen = new Int32Array(k);
  return [
    {
      name: `sampler_${count}_to_${k}`,
      run: () => {
        sampler.sample(cloud, count, chosen);
      },
    },
    {
      name: `plain_${count}_to_${k}`,
      run: () => {
        plainFarthestPoints(cloud, count, chosen, nearest);
      },
    },
  ];
}

/** A camera's image in mm to 512 points; the crop keeps about half of it. */
function wholeWays(): readonly Way[] {
  const depth = tabletop(width, height);
  const crop = { low: [-0.3, -0.2, -0.1], high: [0.3, 0.2, 0.3] };
  const cloud = new Float32Array(3 * 512);
  return [1, 2, 3, 4].map((stride) => {
    const maker = new DepthCloud({ ...camera, metresPerUnit: 0.001, crop, points: 512, stride });
    return {
      name: `depth_${width}x${height}_stride_${stride}_to_512`,
      run: () => {
        maker.make(depth, cloud);
      },
    };
  });
}

/** A colour picture to the size that policies take. */
function picture(): Way {
  const [outWidth, outHeight] = [84, 84];
  const tensor = new ImageTensor({ format: "rgb8", width, height, outWidth, outHeight });
  const frame = new Uint8Array(tensor.frameBytes).fill(100);
  const out = new Float32Array(tensor.size);
  return {
    name: `picture_${width}x${height}_to_${outWidth}x${outHeight}`,
    run: () => {
      tensor.make(frame, out);
    },
  };
}

/** Depth in mm of a table with a ball and a box on it, with a camera's noise. */
function tabletop(columns: number, rows: number): Uint16Array {
  const random = createRandom(1);
  const depth = new Uint16Array(columns * rows);
  for (let i = 0; i < depth.length; i += 1) {
    const u = (i % columns) / columns - 0.5;
    const v = Math.floor(i / columns) / rows - 0.5;
    const ball = Math.sqrt(Math.max(0, 0.03 - (u + 0.1) ** 2 - v ** 2));
    const box = u > 0.15 && u < 0.3 && Math.abs(v) < 0.15 ? 0.1 : 0;
    depth[i] = 800 - 1000 * Math.max(ball, box) + random.uniform(-2, 2);
  }
  return depth;
}

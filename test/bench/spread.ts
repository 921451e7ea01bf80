import { createRandom } from "../../sdk/src/random.ts";
import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import type { PushWorldConfig } from "../../sdk/src/testing/push-world.ts";
import { DelayedRobot } from "../support/delayed-robot.ts";
import { repositoryPath } from "../support/repository.ts";
import type { Bench } from "./measurement.ts";

const SEEDS = 16;
const OBSERVATIONS = 100;
const bundle = repositoryPath("models/bundles/so101-push");
type Sampling = PushWorldConfig["sampling"];

const trained: Sampling = {
  object_x: [0.14, 0.21],
  object_y: [-0.1, 0.1],
  goal_x: [0.14, 0.21],
  goal_y: [-0.1, 0.1],
  min_separation: 0.08,
};

/** Where puck and goal lie in training, m, and places beyond the part of the table that the policy knows. */
const places: Readonly<Record<string, Sampling>> = {
  trained,
  goal_too_far: { ...trained, goal_x: [0.25, 0.28] },
  puck_too_near: { ...trained, object_x: [0.09, 0.11] },
  puck_too_far_aside: { ...trained, object_y: [0.16, 0.2] },
};

const quantiles = [
  ["p50", 0.5],
  ["p90", 0.9],
  ["p99", 0.99],
  ["max", 1],
] as const;

/** How well the spread of several samples tells the known from the unknown. */
export const spread: Bench = {
  summary: "spread of 4 and 8 samples a chunk where the policy was trained and where it was not",
  isLong: true,

  async run(say) {
    const figures: Record<string, number> = { episodes_each: SEEDS };
    const samples: Record<string, number[]> = {};
    for (const spreadSamples of [4, 8]) {
      const known: number[] = [];
      const add = (place: string, spreads: readonly number[]): void => {
        const key = `${place}_${spreadSamples}`;
        samples[key] = [...spreads];
        for (const [name, q] of quantiles) {
          figures[`${key}_spread_${name}`] = round(quantile(spreads, q));
        }
        if (place === "trained") known.push(...spreads);
        else figures[`${key}_auc`] = round(exceedance(spreads, known));
      };
      for (const [place, sampling] of Object.entries(places)) {
        say(`${spreadSamples} samples, ${place}`);
        const { spreads, successes } = await collect(spreadSamples, sampling);
        figures[`${place}_${spreadSamples}_successes`] = successes;
        add(place, spreads);
      }
      for (const times of [2, 10]) {
        add(`inputs_${times}_times_out`, await collectOutside(spreadSamples, times));
      }
    }
    return { figures, samples };
  },
};

async function collect(
  spreadSamples: number,
  sampling: Sampling,
): Promise<{ spreads: number[]; successes: number }> {
  const robot = await DelayedRobot.start({
    bundle,
    sampling: { spreadSamples },
    world: { sampling },
    options: { maxSpread: 10 },
  });
  const spreads: number[] = [];
  robot.robot.loop.on("trajectorySent", (_, { spread: value = Number.NaN }) => {
    spreads.push(Number(value.toPrecision(5)));
  });
  let successes = 0;
  for (let seed = 0; seed < SEEDS; seed += 1) {
    successes += Number((await robot.runEpisode(seed, 0)).hasSucceeded);
  }
  await robot.close();
  return { spreads, successes };
}

/** Spreads of observations whose every number is `times` as far from the middle of its range in training as the range's ends. */
async function collectOutside(spreadSamples: number, times: number): Promise<number[]> {
  const policy = await loadPolicy(bundle, { spreadSamples });
  const random = createRandom(3);
  const { observations, normalization } = policy.manifest;
  const spreads: number[] = [];
  for (let i = 0; i < OBSERVATIONS; i += 1) {
    const values = observations.map(({ key }): [string, Float32Array] => {
      const { min = [], max = [] } = normalization.stats.get(key) ?? {};
      const outside = min.map((low, j) => {
        const half = ((max[j] ?? Number.NaN) - low) / 2;
        return low + half + (random.uniform(-1, 1) < 0 ? -1 : 1) * times * half;
      });
      return [key, Float32Array.from(outside)];
    });
    const { spread: value = Number.NaN } = await policy.act(Object.fromEntries(values));
    spreads.push(Number(value.toPrecision(5)));
  }
  await policy.close();
  return spreads;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** How often one of `values` is above one of `others`: 0.5 tells nothing, 1 everything. */
function exceedance(values: readonly number[], others: readonly number[]): number {
  let above = 0;
  for (const value of values) {
    for (const other of others) above += value > other ? 1 : value === other ? 0.5 : 0;
  }
  return above / (values.length * others.length);
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

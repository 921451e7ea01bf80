import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { python, pythonEnvironment } from "../python/python.ts";
import { DelayedRobot } from "../support/delayed-robot.ts";
import { repositoryPath } from "../support/repository.ts";
import { cases, delaysMs, type HandoverCase, type HandoverTask, tasks } from "./handover-cases.ts";
import type { Bench, BenchReport } from "./measurement.ts";

const bundle = repositoryPath("models/bundles/so101-push");
const SEEDS = 20;
const DWELL_MS = 500;

/** Every way from chunk to chunk, in closed loop through the real firmware core, with inferences that take a chosen time. */
export const handover: Bench = {
  summary: "success and smoothness of every way to join chunks, with inferences of 0 to 100 ms",
  isLong: true,

  async run(say) {
    const figures: Record<string, number> = { episodes_each: SEEDS };
    const samples: Record<string, number[]> = {};
    const folder = await mkdtemp(join(tmpdir(), "omp-handover-"));
    try {
      const timed = await addTauVariant(folder);
      if (timed === undefined) say("no Python environment: warm starts are left out");
      for (const task of tasks) {
        for (const one of cases) {
          const isWarm = one.sampling.warmStartTau !== undefined;
          if (isWarm && timed === undefined) continue;
          say(`${task.name}: ${one.name}`);
          await measure(
            task,
            one,
            isWarm && timed !== undefined ? timed : bundle,
            figures,
            samples,
          );
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    return { figures, samples } satisfies BenchReport;
  },
};

/** Names a figure of a table's cell. */
export function figureName(task: string, name: string, delayMs: number, what: string): string {
  return `${task} / ${name} / ${delayMs} ms / ${what}`;
}

async function measure(
  task: HandoverTask,
  { name, handover: options, sampling }: HandoverCase,
  from: string,
  figures: Record<string, number>,
  samples: Record<string, number[]>,
): Promise<void> {
  const robot = await DelayedRobot.start({
    bundle: from,
    // Warm starts run in fp32, so all do.
    ...(sampling.warmStartTau === undefined ? { variant: "fp32" } : {}),
    handover: options,
    sampling,
    nActionSteps: task.nActionSteps,
    world: { success: { radius: task.successRadius, dwell_ms: DWELL_MS } },
  });
  for (const delayMs of delaysMs) {
    const [successes, faults, jerks, steps]: number[][] = [[], [], [], []];
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const episode = await robot.runEpisode(seed, delayMs);
      successes?.push(Number(episode.hasSucceeded));
      faults?.push(Number(episode.hasFaulted));
      jerks?.push(episode.smoothness.rmsJerk);
      steps?.push(episode.smoothness.maxVelocityStep);
    }
    const of = { successes, faults, jerk_rms: jerks, velocity_step: steps };
    for (const [what, values = []] of Object.entries(of)) {
      const key = figureName(task.name, name, delayMs, what);
      const sum = values.reduce((total, value) => total + value, 0);
      const isCount = what === "successes" || what === "faults";
      figures[key] = isCount ? sum : Number((sum / SEEDS).toPrecision(4));
      samples[key] = values.map((value) => Number(value.toPrecision(6)));
    }
  }
  await robot.close();
}

/** The bundle with the variant that a warm start needs, made from its checkpoint; undefined without Python. */
async function addTauVariant(folder: string): Promise<string | undefined> {
  if (!existsSync(python)) return undefined;
  const out = join(folder, "bundle");
  const script = repositoryPath("test", "python", "add_tau_variant.py");
  await promisify(execFile)(python, [script, bundle, out], { env: pythonEnvironment });
  return out;
}

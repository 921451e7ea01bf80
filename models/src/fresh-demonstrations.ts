import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Manifest } from "../../sdk/src/bundle/manifest.ts";

const EPISODES = 8;
/** Far above the seeds that bundles are trained on. */
const FIRST_SEED = 2_000_000;

/** The world a bundle was trained in; undefined when its demonstrations came from elsewhere. */
export function trainingWorld(manifest: Manifest): string | undefined {
  const dataset = manifest.training["dataset"];
  if (typeof dataset !== "object" || dataset === null || !("world" in dataset)) return undefined;
  return typeof dataset.world === "string" ? dataset.world : undefined;
}

/**
 * Writes into `folder` a recipe that collects a few demonstrations the bundle has never seen.
 *
 * @returns its path
 */
export async function writeFreshRecipe(manifest: Manifest, folder: string): Promise<string> {
  const recipe = {
    bundle_id: manifest.bundleId,
    bundle_version: manifest.bundleVersion,
    command: "omp verify",
    world: trainingWorld(manifest),
    observations: manifest.observations.map(({ key, unit, names, rateHz, maxAgeMs }) => ({
      key,
      unit,
      names,
      rate_hz: rateHz,
      max_age_ms: maxAgeMs,
    })),
    demonstrations: { episodes: EPISODES, first_seed: FIRST_SEED },
    train: manifest.training["config"],
  };
  const path = join(folder, "recipe.json");
  await writeFile(path, JSON.stringify(recipe));
  return path;
}

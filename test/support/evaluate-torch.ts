import { findPython } from "../../models/src/python-environment.ts";
import { runPython } from "../../models/src/run-python.ts";

/**
 * Success of a bundle's trained weights in PyTorch fp32 and the Python world, by seed.
 *
 * @throws {OmpError} TOOL_FAILED when there is no Python for it
 */
export async function evaluateTorch(
  bundle: string,
  firstSeed: number,
  episodes: number,
): Promise<ReadonlyMap<number, boolean>> {
  const successes = new Map<number, boolean>();
  await runPython({
    python: await findPython(),
    args: [
      "-m",
      "omp_models",
      "rollout",
      "--json",
      `--bundle=${bundle}`,
      "--policy=torch",
      `--first-seed=${firstSeed}`,
      `--episodes=${episodes}`,
    ],
    signal: new AbortController().signal,
    onEvent: (event) => {
      if (event.event === "episode") successes.set(event.seed, event.success);
    },
    onText: () => undefined,
  });
  return successes;
}

import type { SimulatedArm } from "../../../firmware-bridge/src/testing/simulated-arm.ts";
import type { Clock } from "../../src/clock.ts";
import { sleepUntil } from "../../src/clock.ts";
import type { ControlLoop } from "../../src/control-loop.ts";

export interface EpisodeOutcome {
  readonly seed: number;
  readonly hasSucceeded: boolean;
  readonly durationMs: number;
  /** Between object and goal at the end, m. */
  readonly distanceToGoal: number;
}

export interface EpisodeRunnerParts {
  readonly loop: ControlLoop;
  readonly arm: SimulatedArm;
  readonly clock: Clock;
  /** Where every episode begins, rad. */
  readonly home: ArrayLike<number>;
  readonly maxEpisodeMs: number;
  /** Called about 30 times a second while an episode runs. */
  readonly onProgress: (phase: string, episodeMs: number) => void;
}

const POLL_MS = 33;

/**
 * Runs one seeded episode: the arm goes home, object and goal are placed, the policy acts until it has succeeded or its
 * time is over, the arm holds.
 *
 * @returns undefined when it was cut short by a fault or by `signal`
 */
export async function runEpisode(
  parts: EpisodeRunnerParts,
  seed: number,
  signal: AbortSignal,
): Promise<EpisodeOutcome | undefined> {
  const { loop, arm, clock, maxEpisodeMs, onProgress } = parts;
  const isCutShort = (): boolean => signal.aborted || loop.fault !== undefined;

  if (!(await goHome(parts, isCutShort))) return undefined;
  await arm.place(seed);
  loop.restartEpisode({ seed });
  const startedAtMs = clock.nowMs();
  for (;;) {
    await sleepUntil(clock, clock.nowMs() + POLL_MS);
    if (isCutShort()) return undefined;
    const durationMs = clock.nowMs() - startedAtMs;
    onProgress(loop.state, durationMs);
    const { hasSucceeded = false, distanceToGoal = Number.NaN } = arm.camera.latest ?? {};
    if (!hasSucceeded && durationMs < maxEpisodeMs) continue;
    loop.pause();
    return { seed, hasSucceeded, durationMs, distanceToGoal };
  }
}

/** @returns false when it was cut short */
async function goHome(
  { loop, clock, home, onProgress }: EpisodeRunnerParts,
  isCutShort: () => boolean,
): Promise<boolean> {
  const homed = loop.moveTo(home).then(
    () => "home",
    (error: unknown) => {
      if (!isCutShort()) throw error;
    },
  );
  for (;;) {
    onProgress("homing", 0);
    const moving = sleepUntil(clock, clock.nowMs() + POLL_MS).then(() => "moving");
    const where = await Promise.race([homed, moving]);
    if (isCutShort()) return false;
    if (where === "home") return true;
  }
}

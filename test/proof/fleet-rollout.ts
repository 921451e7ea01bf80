import type { ProofPart } from "./measurement.ts";
import { RolloutFleet } from "../support/rollout-fleet.ts";
import { swapInVirtualTime, swapOnFirmware } from "./hot-swap.ts";
import { killRollouts } from "./rollout-kills.ts";

type RolloutFigures = {
  readonly kills: number;
  readonly kills_by_phase: Readonly<Record<string, number>>;
  /** Also counts what stood half-written under a bundle's name. */
  readonly unrunnable_after_kill: number;
  readonly rollout_robots: number;
  /** Robots that a good bundle reached. */
  readonly rollout_good_reached: number;
  /** Robots beside the canary that a bad bundle reached; 0 also means that the canary went back. */
  readonly rollout_bad_spread: number;
  readonly swaps: number;
  readonly swap_missed_waypoints: number;
  /** Firmware ticks, in real time, at which the executed path was not what had been admitted. */
  readonly swap_path_mismatches: number;
};

const KILLS = 200;
const ROBOTS = 100;
const PROCESSES = 4;
const MAX_ATTEMPTS = 5;
const SWAP_EPISODES = 10;
/** No multiple of a chunk's period, so that swaps fall into every phase of one. */
const SWAP_PERIOD_MS = 137;
const SWAP_PATH_MS = 10_000;

/** Rollouts that are killed, go wrong, and happen while an arm moves: a part of the proof of the fleet. */
export const rollout: ProofPart = {
  title: "updates that are killed, a bad bundle in the canary, swaps while an arm moves",
  measure: measureRollout,
  rules: (is) => [
    [is("kills") === KILLS, `${KILLS} kills of an update`],
    [is("unrunnable_after_kill") === 0, "a robot that starts, with a whole bundle, after each"],
    [is("rollout_good_reached") === ROBOTS, "a good bundle on every robot"],
    [is("rollout_bad_spread") === 0, "a bad bundle on the canary alone, which goes back"],
    [is("swaps") >= 100, "100 swaps"],
    [is("swap_missed_waypoints") === 0, "no waypoint missed by a swap"],
    [is("swap_path_mismatches") === 0, "a path that swaps do not bend"],
  ],
};

async function measureRollout(say: (line: string) => void): Promise<RolloutFigures> {
  say(`two policies take turns every ${SWAP_PERIOD_MS} ms in ${SWAP_EPISODES} episodes`);
  const swap = await swapInVirtualTime(SWAP_EPISODES, SWAP_PERIOD_MS);
  const path = await swapOnFirmware(SWAP_PATH_MS);
  const spread = await measureSpread(ROBOTS, PROCESSES, say);
  const seed = Math.floor(Math.random() * 2 ** 31);
  say(`seed ${seed}: ${KILLS} kills at random moments of updates`);
  const killed = await killRollouts(KILLS, seed, say);
  return {
    kills: killed.kills,
    kills_by_phase: killed.killsByPhase,
    unrunnable_after_kill: killed.unrunnableAfterKill + killed.halfWritten,
    ...spread,
    swaps: swap.swaps,
    swap_missed_waypoints: swap.missedWaypoints,
    swap_path_mismatches: path.mismatches,
  };
}

/** A good bundle to every robot, then a bad one. */
async function measureSpread(
  robots: number,
  processes: number,
  say: (line: string) => void,
): Promise<Pick<RolloutFigures, "rollout_robots" | "rollout_good_reached" | "rollout_bad_spread">> {
  say(`${robots} robots in ${processes} processes behind a broker`);
  const ids = Array.from({ length: robots }, (_, i) => `robot-${i}`);
  const fleet = await RolloutFleet.start(
    Array.from({ length: processes }, (_, process) =>
      ids.filter((_id, i) => i % processes === process),
    ),
    { tickHz: 20 },
  );
  try {
    const good = await fleet.bundles.pack({ version: "1.1.0" });
    // Robots whose process the machine stalls for longer than a lease fault in their trial; an operator would ask them again.
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const options = { concurrency: 16, maxFailures: robots, retry: true };
      const { outcome } = await fleet.rollOut(good, options);
      await fleet.settle();
      const reached = fleet.running(good.hash).length;
      say(`the good bundle, attempt ${attempt}: ${outcome}, on ${reached} robots`);
      if (reached === robots) break;
    }
    const keepers = fleet.running(good.hash).length;
    const bad = await fleet.bundles.pack({ version: "1.2.0", gain: 0.1 });
    const refused = await fleet.rollOut(bad);
    say(`the bad bundle: ${refused.outcome}, ${refused.cause}`);
    await fleet.settle();
    const canary = fleet.touched(bad.hash).length;
    const returned = fleet.running(good.hash).length;
    // A bundle that nobody tried, or that stayed with the canary, must not look like a success.
    const isContained = canary === 1 && returned === keepers;
    return {
      rollout_robots: robots,
      rollout_good_reached: keepers,
      rollout_bad_spread: isContained ? 0 : Math.max(1, canary - 1),
    };
  } finally {
    await fleet.close();
  }
}

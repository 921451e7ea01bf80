import { loadPolicy } from "../../sdk/src/runtime/node/load-policy.ts";
import type { OmpPolicy } from "../../sdk/src/policy.ts";
import { PtyRobot } from "../support/pty-robot.ts";
import { repositoryPath } from "../support/repository.ts";
import { VirtualRobot } from "../support/virtual-robot.ts";

export interface SwapFigures {
  readonly swaps: number;
  /** Waypoints that were not executed when they were due, for whatever reason, and grid instants that were not observed. */
  readonly missedWaypoints: number;
  readonly episodes: number;
  readonly successes: number;
}

export interface SwapPathFigures {
  readonly swaps: number;
  /** Firmware ticks at which the executed command differs from the reference of what was admitted. */
  readonly mismatches: number;
  readonly samples: number;
  readonly chunks: number;
  /** Of the loop; empty when there was none. */
  readonly fault: string;
}

const bundle = repositoryPath("models/bundles/so101-push");

async function loadBoth(): Promise<[OmpPolicy, OmpPolicy]> {
  return [
    await loadPolicy(bundle, { variant: "int8" }),
    await loadPolicy(bundle, { variant: "fp32" }),
  ];
}

/**
 * Closed loop through the firmware core in virtual time; the two policies take turns, every so many ms, so that a swap falls into
 * every phase of a chunk.
 *
 * @param periodMs between swaps; best no multiple of the chunk's period
 */
export async function swapInVirtualTime(episodes: number, periodMs: number): Promise<SwapFigures> {
  const policies = await loadBoth();
  let [next, acting] = [policies[1], policies[0]];
  const robot = await VirtualRobot.start(acting);
  let swaps = 0;
  let ms = 0;
  let successes = 0;
  const swapWhenDue = (): void => {
    ms += 1;
    if (ms % periodMs !== 0) return;
    [acting, next] = [next, robot.loop.slot.replace(next)];
    swaps += 1;
  };
  for (let seed = 0; seed < episodes; seed += 1) {
    if ((await robot.runEpisode(seed, swapWhenDue)).hasSucceeded) successes += 1;
  }
  const { starvations, trajectoriesLate, trajectoriesDropped, staleHolds } = robot.loop.counters;
  const {
    rowsSkipped = 0,
    chunksLate = 0,
    instantsMissed = 0,
  } = robot.loop.stages?.scheduler.counters ?? {};
  const missedWaypoints =
    rowsSkipped +
    chunksLate +
    instantsMissed +
    starvations +
    trajectoriesLate +
    trajectoriesDropped +
    staleHolds;
  await robot.close();
  for (const policy of policies) await policy.close();
  return { swaps, missedWaypoints, episodes, successes };
}

/** The same in real time against the host firmware on a pty, which logs every tick; also while an inference runs. */
export async function swapOnFirmware(durationMs: number): Promise<SwapPathFigures> {
  const policies = await loadBoth();
  let next = policies[1];
  // The machine may be busy; the lease is not what is measured here.
  const robot = await PtyRobot.start(policies[0], { leaseMs: 1000, inferenceTimeoutMs: 10_000 });
  let swaps = 0;
  try {
    await robot.beginEpisode(0);
    const endMs = robot.clock.nowMs() + durationMs;
    while (robot.clock.nowMs() < endMs && robot.loop.fault === undefined) {
      next = robot.loop.slot.replace(next);
      swaps += 1;
      await robot.until(() => robot.loop.fault !== undefined, 37);
    }
    const { mismatches, samples, chunks } = await robot.audit();
    return { swaps, mismatches, samples, chunks, fault: robot.loop.fault?.detail ?? "" };
  } finally {
    await robot.close();
    for (const policy of policies) await policy.close();
  }
}

import type { ActuatorLink } from "../../sdk/src/actuator-link.ts";
import { sleepUntil, type Clock } from "../../sdk/src/clock.ts";
import { createJointState, createTrajectory } from "../../sdk/src/types.ts";

export interface WaveStreamOptions {
  readonly link: ActuatorLink;
  readonly clock: Clock;
  readonly jointCount: number;
  /** How long before its first waypoint is due a chunk is handed over, ms. */
  readonly leadMs: number;
  readonly isOver: () => boolean;
}

/** 16 waypoints at 50 Hz; the next chunk replaces the last half of the one before. */
const waypoints = 16;
const dtMs = 20;
const chunkMs = 160;
/** rad, and rad/s of the phase: at most 0.1 rad/s. */
const amplitude = 0.05;
const phaseRate = 2;

/**
 * Chunk after chunk of a slow wave of every joint, from where an armed link's arm rests, until it is over.
 *
 * @returns chunks handed over
 */
export async function streamWave(options: WaveStreamOptions): Promise<number> {
  const { link, clock, jointCount, leadMs, isOver } = options;
  const rest = createJointState(jointCount);
  link.readJointState(rest);
  const trajectory = createTrajectory(waypoints, jointCount);
  trajectory.dtMs = dtMs;
  trajectory.count = waypoints;
  const beganMs = clock.nowMs() + leadMs;
  let chunk = 0;
  for (; !isOver(); chunk++) {
    trajectory.id = 1 + (chunk % 0xffff);
    trajectory.startAtMs = beganMs + chunk * chunkMs;
    for (let i = 0; i < trajectory.positions.length; i++) {
      const joint = i % jointCount;
      const row = Math.floor(i / jointCount);
      const seconds = (chunk * chunkMs + row * dtMs) / 1000;
      trajectory.positions[i] =
        (rest.command[joint] ?? 0) + amplitude * (1 - Math.cos(phaseRate * seconds));
    }
    link.send(trajectory);
    const nextMs = trajectory.startAtMs + chunkMs - leadMs;
    while (clock.nowMs() < nextMs && !isOver()) {
      link.heartbeat();
      await sleepUntil(clock, clock.nowMs() + 5);
    }
  }
  return chunk;
}

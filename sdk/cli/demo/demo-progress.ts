import type { RobotMetrics } from "../../../firmware-bridge/src/fleet/index.ts";
import type { LinkCounters } from "../../src/actuator-link.ts";
import { createJointState, type Joint } from "../../src/types.ts";
import type { DemoSession } from "./demo-session.ts";

/** Everything the demo shows. Times in ms, lengths in m, angles in rad. */
export interface DemoProgress {
  readonly episodes: number;
  readonly joints: readonly Joint[];
  readonly maxEpisodeMs: number;
  /** Episode under way, from 1; 0 before the first one. */
  episode: number;
  episodeMs: number;
  finished: number;
  succeeded: number;
  /** "homing" or the loop's state. */
  phase: string;
  readonly position: Float64Array;
  readonly objectXy: Float64Array;
  readonly goalXy: Float64Array;
  inferences: number;
  inferenceP50Ms: number;
  inferenceP99Ms: number;
  tickLatenessP50Ms: number;
  tickLatenessP99Ms: number;
  readonly link: Readonly<LinkCounters>;
  /** Waypoints the guard clamped to a limit, all kinds and joints together. */
  clamps: number;
  /** Trajectories that the guard cut at the workspace. */
  workspaceCuts: number;
  /** Times the arm held because of a measured effort or following error. */
  limitHolds: number;
  /** One line a fault, oldest first. */
  readonly faults: string[];
  /** Reads the session's newest figures. */
  refresh(): void;
  metrics(): RobotMetrics;
}

export function createProgress(session: DemoSession, episodes: number): DemoProgress {
  const { policy, arm, link, loop, maxEpisodeMs } = session;
  const { joints } = policy.manifest.action;
  const jointState = createJointState(joints.length);
  const progress: DemoProgress = {
    episodes,
    joints,
    maxEpisodeMs,
    episode: 0,
    episodeMs: 0,
    finished: 0,
    succeeded: 0,
    phase: "homing",
    position: jointState.position,
    objectXy: new Float64Array(2),
    goalXy: new Float64Array(2),
    inferences: 0,
    inferenceP50Ms: Number.NaN,
    inferenceP99Ms: Number.NaN,
    tickLatenessP50Ms: Number.NaN,
    tickLatenessP99Ms: Number.NaN,
    link: link.counters,
    clamps: 0,
    workspaceCuts: 0,
    limitHolds: 0,
    faults: [],
    refresh() {
      link.readJointState(jointState);
      const environment = arm.camera.latest?.environment ?? [];
      progress.objectXy.set(environment.slice(0, 2));
      progress.goalXy.set(environment.slice(2, 4));
      progress.inferences = loop.counters.inferences;
      progress.inferenceP50Ms = policy.inferenceMs.quantileMs(0.5);
      progress.inferenceP99Ms = policy.inferenceMs.quantileMs(0.99);
      progress.tickLatenessP50Ms = loop.tickLatenessMs.quantileMs(0.5);
      progress.tickLatenessP99Ms = loop.tickLatenessMs.quantileMs(0.99);
      progress.workspaceCuts = loop.stages?.guard.workspaceCuts ?? 0;
      progress.limitHolds = loop.counters.limitHolds;
      progress.clamps = 0;
      for (const counts of Object.values(loop.stages?.guard.clamps ?? {})) {
        for (const count of counts) progress.clamps += count;
      }
    },
    metrics: () => ({
      episodes: progress.finished,
      successes: progress.succeeded,
      inferences: progress.inferences,
      inferenceP50Ms: progress.inferenceP50Ms,
      inferenceP99Ms: progress.inferenceP99Ms,
      tickLatenessP50Ms: progress.tickLatenessP50Ms,
      tickLatenessP99Ms: progress.tickLatenessP99Ms,
      framesSent: link.counters.framesSent,
      framesAcked: link.counters.framesAcked,
      framesRejected: link.counters.framesRejected,
      faults: progress.faults.length,
    }),
  };
  return progress;
}

/** Successes, latencies, frames and faults as lines of text. */
export function summaryLines(progress: DemoProgress): string[] {
  const { link, faults } = progress;
  return [
    `episodes       ${progress.finished} of ${progress.episodes} finished, ${progress.succeeded} succeeded`,
    `inference      p50 ${ms(progress.inferenceP50Ms)}, p99 ${ms(progress.inferenceP99Ms)}, ${progress.inferences} chunks`,
    `tick lateness  p50 ${ms(progress.tickLatenessP50Ms)}, p99 ${ms(progress.tickLatenessP99Ms)}`,
    `frames         ${link.framesSent} sent, ${link.framesAcked} acked, ${link.framesRejected} rejected`,
    `trajectories   ${link.trajectoriesAccepted} accepted, ${link.trajectoriesRejected} rejected`,
    `guard          ${progress.clamps} waypoints clamped, ${progress.workspaceCuts} trajectories cut at the workspace, ${progress.limitHolds} holds`,
    `faults         ${faults.length === 0 ? "none" : faults.join("; ")}`,
  ];
}

/** "1.23 ms", "–" when nothing was measured. */
export function ms(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(2)} ms` : "–";
}

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Command } from "../command.ts";
import { type DemoOptions, demoUsage, parseDemoOptions } from "../demo/demo-options.ts";
import { createProgress, type DemoProgress, summaryLines } from "../demo/demo-progress.ts";
import { type DemoSession, openDemo } from "../demo/demo-session.ts";
import { runEpisode } from "../demo/episode-runner.ts";
import { TerminalView } from "../demo/terminal-view.ts";

const EXIT_INTERRUPTED = 130;

/** The main job: a policy drives a simulated arm through the real firmware. */
export const demo: Command = {
  summary: "drive a simulated arm with a bundled policy, no hardware needed",
  usage: demoUsage,

  async run(args, signal) {
    const packageRoot = dirname(fileURLToPath(import.meta.resolve("omp-edge/package.json")));
    const bundle = join(packageRoot, "models", "bundles", "so101-push");
    const options = parseDemoOptions(args, bundle);
    const session = await openDemo(packageRoot, options);
    const progress = createProgress(session, options.episodes);
    const view = new TerminalView(process.stdout, titleLines(session));
    try {
      await runEpisodes(session, options, progress, view, signal);
    } finally {
      progress.refresh();
      view.close();
      if (signal.aborted) console.log("\nstopping: hold, disarm, close");
      await session.close();
      const recordings = session.recording.written.map((path) => `recording      ${path}`);
      console.log(["", ...summaryLines(progress), ...recordings].join("\n"));
    }
    if (progress.faults.length > 0) return 1;
    if (signal.aborted) return EXIT_INTERRUPTED;
    return progress.succeeded * 2 >= progress.finished && progress.finished > 0 ? 0 : 1;
  },
};

async function runEpisodes(
  session: DemoSession,
  options: DemoOptions,
  progress: DemoProgress,
  view: TerminalView,
  signal: AbortSignal,
): Promise<void> {
  const { loop, arm, clock, home, maxEpisodeMs, telemetry } = session;
  const onProgress = (phase: string, episodeMs: number): void => {
    progress.phase = phase;
    progress.episodeMs = episodeMs;
    progress.refresh();
    telemetry.heartbeat();
    telemetry.state(loop.state, progress.position, loop.fault);
    telemetry.metrics(progress.metrics());
    view.draw(progress);
  };
  for (let index = 0; index < options.episodes && !signal.aborted; index += 1) {
    progress.episode = index + 1;
    const seed = options.firstSeed + index;
    const parts = { loop, arm, clock, home, maxEpisodeMs, onProgress };
    const outcome = await runEpisode(parts, seed, signal);
    if (loop.fault !== undefined) {
      const { reason, detail } = loop.fault;
      progress.faults.push(`${reason}: ${detail}`);
      view.log(`episode ${index + 1}  fault ${reason}: ${detail}`);
      return;
    }
    if (outcome === undefined) return;
    const { hasSucceeded, durationMs, distanceToGoal } = outcome;
    progress.finished += 1;
    if (hasSucceeded) progress.succeeded += 1;
    telemetry.event("episode", { seed, hasSucceeded, durationMs });
    const result = hasSucceeded ? "succeeded" : "failed   ";
    view.log(
      `episode ${String(index + 1).padStart(3)}  seed ${String(seed).padStart(4)}  ${result}  ` +
        `${(durationMs / 1000).toFixed(1).padStart(4)} s  puck ${(distanceToGoal * 1000).toFixed(1)} mm from the goal`,
    );
  }
}

function titleLines({ policy, arm, brokerUrl }: DemoSession): string[] {
  const { manifest, info } = policy;
  return [
    `policy     ${manifest.bundleId} ${manifest.bundleVersion}, one evaluation a chunk, ${info.runtime} on ${info.activeProvider}`,
    `firmware   ${arm.name}, ${manifest.action.joints.length} joints at 1 kHz`,
    `telemetry  ${brokerUrl}; watch it with \`npx omp watch --broker ${brokerUrl}\``,
  ];
}

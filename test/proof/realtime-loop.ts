import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { ControlThread } from "../../sdk/src/runtime/node/control-thread.ts";
import { quantile } from "../../sdk/cli/tune/take-turns.ts";
import { measureTicks } from "../bench/ticks.ts";
import { PtyFirmware } from "../conformance/pty-firmware.ts";
import { blockAtRandom } from "../support/pty-robot.ts";
import { type StreamingControlData, streamingHome } from "../support/streaming-control.ts";
import { ThreadedRobot } from "../support/threaded-robot.ts";

/** The part of `proof -- realtime` about the loop's thread. */
export interface RealtimeLoop {
  /**
   * Of the bundled policy's episodes on the simulated arm behind the host firmware, the main thread blocked at random for up to 60 ms: ticks
   * whose command is not the reference's, chunks the controller found late, and stretches for which it had no waypoint.
   */
  readonly missed_waypoints: number;
  /** p99 of how late a 500 Hz tick begins, chunks included, over that of `clock_nanosleep` in C at the same priority. */
  readonly tick_500hz_p99_vs_c: number;
  /** Of the control thread, live after a full collection, ten minutes long once V8 has settled: 500 Hz, chunks to the host firmware on a pty. */
  readonly heap_growth_bytes: number;
  /** Every sample behind the figures. */
  readonly raw: Readonly<Record<string, readonly number[]>>;
}

const episodes = 10;
const episodeMs = 10_000;
const ticksRun = { tickHz: 500, isMainBusy: false, rounds: 20, secondsPerTurn: 2 };
/** V8 goes on optimizing what runs once a chunk for minutes. */
const settleMs = 180_000;
const soakMs = 600_000;
const samplePeriodMs = 30_000;

/** @throws {OmpError} TOOL_FAILED when the machine is too busy for the loop */
export async function measureRealtimeLoop(say: (line: string) => void): Promise<RealtimeLoop> {
  say(`${episodes} episodes on a control thread, this one blocked at random for up to 60 ms`);
  const missed = await measurePath();
  say("ticks of 500 Hz in turns with clock_nanosleep in C");
  const { control, c } = await measureTicks(ticksRun);
  say(`${soakMs / 60_000} minutes of 500 Hz, with chunks to the host firmware`);
  const liveBytes = await soak(say);
  const [first = Number.NaN] = liveBytes;
  return {
    missed_waypoints: missed,
    tick_500hz_p99_vs_c: quantile(control, 0.99) / quantile(c, 0.99),
    heap_growth_bytes: Math.max(0, (liveBytes.at(-1) ?? Number.NaN) - first),
    raw: { tick_500hz_us: control, tick_500hz_c_us: c, live_heap_bytes: liveBytes },
  };
}

async function measurePath(): Promise<number> {
  // The lease is not what is measured.
  const robot = await ThreadedRobot.start({ leaseMs: 1000, tickHz: 500 });
  const stopBlocking = blockAtRandom(Math.random);
  try {
    for (let seed = 0; seed < episodes; seed += 1) await robot.runEpisode(seed, episodeMs);
    refuseFault(robot.thread);
    const { mismatches } = await robot.audit();
    return mismatches + robot.missedWaypoints;
  } finally {
    stopBlocking();
    await robot.close();
  }
}

/** Bytes alive after a full collection, once the loop has settled and every half minute from then on. */
async function soak(say: (line: string) => void): Promise<readonly number[]> {
  const firmware = await PtyFirmware.start();
  const data: StreamingControlData = { tickHz: 500, path: firmware.path };
  const module = new URL("../support/streaming-control.js", import.meta.url);
  const thread = await ControlThread.open(module, { data });
  const samples: number[] = [];
  try {
    await thread.start({ paused: true });
    await thread.moveTo(streamingHome);
    await thread.restartEpisode();
    await sleep(settleMs);
    for (let ms = 0; ms <= soakMs; ms += samplePeriodMs) {
      if (ms > 0) await sleep(samplePeriodMs);
      refuseFault(thread);
      samples.push(Number(await thread.ask("liveBytes")));
      const { ticks, trajectoriesSent } = thread.figures.counters;
      say(`${ms / 1000} s: ${samples.at(-1)} bytes, ${ticks} ticks, ${trajectoriesSent} chunks`);
    }
  } finally {
    await thread.close();
    await firmware.close();
  }
  return samples;
}

function refuseFault({ fault }: ControlThread): void {
  if (fault === undefined) return;
  throw new OmpError(ErrorCode.ToolFailed, {
    what: "the loop faulted while it was measured",
    observed: `${fault.reason}: ${fault.detail}`,
    next: "Measure again when the machine does less.",
  });
}

async function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

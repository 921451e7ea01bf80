import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
  /**
   * Of the control thread in ten minutes of 500 Hz, chunks to the host firmware on a pty: everything that lives but the code that V8
   * goes on compiling.
   */
  readonly heap_growth_bytes: number;
  /** Every sample behind the figures. */
  readonly raw: Readonly<Record<string, readonly number[]>>;
}

const episodes = 10;
const episodeMs = 10_000;
const ticksRun = { tickHz: 500, isMainBusy: false, rounds: 20, secondsPerTurn: 2 };
const settleMs = 60_000;
const soakMs = 600_000;
const sayPeriodMs = 30_000;

/** @throws {OmpError} TOOL_FAILED when the machine is too busy for the loop */
export async function measureRealtimeLoop(say: (line: string) => void): Promise<RealtimeLoop> {
  say(`${episodes} episodes on a control thread, this one blocked at random for up to 60 ms`);
  const missed = await measurePath();
  say("ticks of 500 Hz in turns with clock_nanosleep in C");
  const { control, c } = await measureTicks(ticksRun);
  say(`${soakMs / 60_000} minutes of 500 Hz, with chunks to the host firmware`);
  const [before, after] = await measureHeap(soakMs, say);
  return {
    missed_waypoints: missed,
    tick_500hz_p99_vs_c: quantile(control, 0.99) / quantile(c, 0.99),
    heap_growth_bytes: Math.max(0, after - before),
    raw: { tick_500hz_us: control, tick_500hz_c_us: c, heap_bytes: [before, after] },
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

/** Bytes of the control thread's heap that are no code, once the loop has settled and `durationMs` later. */
export async function measureHeap(
  durationMs: number,
  say: (line: string) => void,
): Promise<readonly [before: number, after: number]> {
  const firmware = await PtyFirmware.start();
  const folder = await mkdtemp(join(tmpdir(), "omp-heap-"));
  const data: StreamingControlData = { tickHz: 500, path: firmware.path };
  const module = new URL("../support/streaming-control.js", import.meta.url);
  // A busy machine is no reason to stop.
  const thread = await ControlThread.open(module, { data, mainTimeoutMs: 60_000 });
  /** The arm is disarmed meanwhile: a snapshot takes longer than a lease. */
  const runFor = async (ms: number): Promise<number> => {
    await thread.start({ paused: true });
    for (let leftMs = ms; leftMs > 0; leftMs -= episodeMs) {
      if (leftMs % sayPeriodMs === 0) say(`${leftMs / 1000} s left`);
      await thread.moveTo(streamingHome);
      await thread.restartEpisode();
      await sleep(episodeMs);
      refuseFault(thread);
    }
    await thread.stop();
    return dataBytes(String(await thread.ask("writeHeapSnapshot", join(folder, "snapshot"))));
  };
  try {
    return [await runFor(settleMs), await runFor(durationMs)];
  } finally {
    await thread.close();
    await firmware.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of a heap snapshot: all but compiled code and what belongs to it. */
async function dataBytes(path: string): Promise<number> {
  const { snapshot, nodes }: HeapSnapshot = JSON.parse(await readFile(path, "utf8"));
  const {
    node_fields: fields,
    node_types: [types],
  } = snapshot.meta;
  const [type, size] = [fields.indexOf("type"), fields.indexOf("self_size")];
  let bytes = 0;
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[nodes[at + type] ?? 0] ?? "";
    if (!["code", "hidden", "object shape"].includes(kind)) bytes += nodes[at + size] ?? 0;
  }
  return bytes;
}

interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[]];
    };
  };
  readonly nodes: readonly number[];
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

import { Worker } from "node:worker_threads";

import { asOmpError, ErrorCode, OmpError } from "../../../src/errors.ts";
import { LatencyHistogram } from "../../../src/telemetry.ts";
import type { Finding } from "../finding.ts";
import type { FifoAttempt } from "./realtime.ts";

/** What the thread that measures is told and answers. */
export interface JitterRequest {
  readonly durationMs: number;
  readonly periodMs: number;
}
export interface JitterReply {
  readonly attempt: FifoAttempt;
  /** How late each instant of the grid was served, ms; those the thread slept through included. */
  readonly latenessMs: Float64Array;
}

/** How late a thread of this machine wakes up. */
export interface Jitter {
  readonly attempt: FifoAttempt;
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Counts by upper edge, ms; the last edge is infinite. */
  readonly histogram: readonly { readonly upToMs: number; readonly count: number }[];
  /** Highest rate of a loop on this machine that keeps its instants; 0 for none. */
  readonly promisedHz: number;
}

const PERIOD_MS = 1;
const edgesMs = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, Number.POSITIVE_INFINITY];

/** Rates a loop may be run at, Hz. */
const rates = [1000, 500, 250, 200, 100, 50, 20, 10];
/** Of a period, for 999 of 1000 instants: a setpoint that is later than this bends the path. */
const LATE_SHARE = 0.25;
/** Default `tickHz` of a `ControlLoop`. */
const LOOP_HZ = 100;
const GOOD_HZ = 500;

/**
 * Lets a thread, SCHED_FIFO where that is allowed, sleep to a grid of 1 ms and notes how late it wakes. The load is the one the machine
 * has at that time.
 *
 * @throws {OmpError} TOOL_FAILED
 */
export async function measureJitter(durationMs: number): Promise<Jitter> {
  const request: JitterRequest = { durationMs, periodMs: PERIOD_MS };
  const worker = new Worker(new URL("./jitter-worker.js", import.meta.url), {
    execArgv: [],
    workerData: request,
  });
  const reply = await new Promise<JitterReply>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", (error) => {
      reject(asOmpError(error, ErrorCode.ToolFailed, "the jitter could not be measured"));
    });
    worker.once("exit", () => {
      reject(new OmpError(ErrorCode.ToolFailed, { what: "the jitter thread ended early" }));
    });
  });
  return describeJitter(reply);
}

export function describeJitter({ attempt, latenessMs }: JitterReply): Jitter {
  const latencies = new LatencyHistogram();
  for (const ms of latenessMs) latencies.record(ms);
  const counts = edgesMs.map((upToMs) => ({ upToMs, count: 0 }));
  for (const ms of latenessMs) {
    const bin = counts.find(({ upToMs }) => ms <= upToMs);
    if (bin !== undefined) bin.count += 1;
  }
  const p999Ms = latencies.quantileMs(0.999);
  const { maxMs } = latencies;
  const isKept = (hz: number): boolean => p999Ms <= (LATE_SHARE * 1000) / hz && maxMs <= 1000 / hz;
  return {
    attempt,
    count: latencies.count,
    p50Ms: latencies.quantileMs(0.5),
    p99Ms: latencies.quantileMs(0.99),
    p999Ms,
    maxMs,
    histogram: counts,
    promisedHz: rates.find(isKept) ?? 0,
  };
}

export function judgeJitter({ attempt, promisedHz, ...jitter }: Jitter): Finding {
  const check = "jitter";
  const policy = attempt.isGranted ? "SCHED_FIFO" : "an ordinary thread";
  const measured =
    `${policy} wakes up late by ${milliseconds(jitter.p50Ms)} (p50), ${milliseconds(jitter.p99Ms)} (p99), ` +
    `${milliseconds(jitter.p999Ms)} (p99.9), at most ${milliseconds(jitter.maxMs)}`;
  const text =
    promisedHz === 0
      ? `no loop of ${rates.at(-1)} Hz would keep its instants: ${measured}`
      : `loops up to ${promisedHz} Hz keep their instants: ${measured}`;
  if (promisedHz >= GOOD_HZ) return { check, level: "ok", text };
  return { check, level: promisedHz < LOOP_HZ ? "problem" : "advice", text };
}

/** The histogram as lines of text. */
export function histogramLines({ histogram, count }: Jitter): string[] {
  const width = 40;
  return histogram.map(({ upToMs, count: part }, i) => {
    const range =
      upToMs === Number.POSITIVE_INFINITY ? `more than ${edgesMs[i - 1]} ms` : `up to ${upToMs} ms`;
    const bar = "█".repeat(Math.ceil((width * part) / Math.max(count, 1)));
    return `             ${range.padEnd(15)} ${String(part).padStart(6)} ${bar}`.trimEnd();
  });
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(2)} ms`;
}

import { execFileSync } from "node:child_process";
import { readlinkSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";

/** How a thread is scheduled: what it got, not what it asked for. */
export interface ThreadPriority {
  /** `fifo`: SCHED_FIFO of `priority`. `nice`: an ordinary thread of nice value `priority`. `plain`: as every other thread. */
  readonly kind: "fifo" | "nice" | "plain";
  readonly priority: number;
  /** Why it is no better one; empty for `fifo`. */
  readonly detail: string;
}

const MOST_NICE = -20;

/**
 * Makes the calling thread SCHED_FIFO, or as unwilling to wait as an ordinary thread can be, and has its sleeps end on time. Other
 * threads keep what they have; children and threads it starts later begin as ordinary ones again.
 *
 * Needs Linux and `chrt` (util-linux), and CAP_SYS_NICE or an RLIMIT_RTPRIO of `priority`. Never throws.
 *
 * @param priority of SCHED_FIFO, 1 to 95; 0 leaves the thread as it is
 */
export function raiseThreadPriority(priority: number): ThreadPriority {
  if (priority === 0) return { kind: "plain", priority: 0, detail: "not asked for" };
  if (process.platform !== "linux") {
    return { kind: "plain", priority: 0, detail: `not known how to on ${process.platform}` };
  }
  const fifoRefusal = makeThreadFifo(priority);
  if (fifoRefusal === undefined) return { kind: "fifo", priority, detail: "" };
  attempt(() => {
    writeFileSync(`/proc/${currentThread()}/timerslack_ns`, "1");
  });
  // On Linux a nice value is a thread's, and 0 is the caller.
  const niceRefusal = attempt(() => {
    setPriority(0, MOST_NICE);
  });
  if (niceRefusal === undefined) return { kind: "nice", priority: MOST_NICE, detail: fifoRefusal };
  return { kind: "plain", priority: 0, detail: `${fifoRefusal}; ${niceRefusal}` };
}

/**
 * Makes the calling thread SCHED_FIFO, and nothing it starts.
 *
 * @returns what refused it, undefined when nothing did
 */
export function makeThreadFifo(priority: number): string | undefined {
  return attempt(() => {
    const options = ["--reset-on-fork", "--fifo", "--pid", `${priority}`, currentThread()];
    execFileSync("chrt", options, { stdio: ["ignore", "ignore", "pipe"] });
  });
}

/** Calls to the file system run on the thread that makes them: it is the one that is named. */
function currentThread(): string {
  return basename(readlinkSync("/proc/thread-self"));
}

/** @returns what refused it, undefined when nothing did */
function attempt(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.trim().split("\n").at(-1) ?? message;
  }
}

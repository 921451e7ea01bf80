import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";
import { parseEvent, type ToolEvent, type ToolResult } from "./events.ts";
import type { PythonEnvironment } from "./python-environment.ts";

export interface PythonRun {
  readonly python: PythonEnvironment;
  /** What follows the interpreter's name, for example `["-m", "omp_models", "train", ...]`. */
  readonly args: readonly string[];
  /** Once aborted, Python gets one SIGINT and is waited for, so that it can leave a checkpoint. */
  readonly signal: AbortSignal;
  /** `line` is the event as Python wrote it. */
  readonly onEvent: (event: ToolEvent, line: string) => void;
  /** A line for people: all of stderr, and what a library printed to stdout. */
  readonly onText: (line: string) => void;
}

/** How a command that did not fail ended. */
export type PythonOutcome =
  | { readonly kind: "done"; readonly result: ToolResult }
  | {
      readonly kind: "interrupted";
      readonly message: string;
      readonly checkpoint: string | undefined;
    };

const KEPT_LINES = 5;

/**
 * Runs one command of the Python package to its end.
 *
 * @throws {OmpError} TOOL_FAILED with Python's own error, or with its last lines when it died without one
 */
export async function runPython(run: PythonRun): Promise<PythonOutcome> {
  const child = spawn(run.python.executable, run.args, {
    env: run.python.variables,
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own: a terminal's Ctrl-C would reach Python a second time, and the second one kills it.
    detached: true,
  });
  const forward = (): void => {
    child.kill("SIGINT");
  };
  const abandon = (): void => {
    child.kill("SIGKILL");
  };
  run.signal.addEventListener("abort", forward, { once: true });
  if (run.signal.aborted) forward();
  process.once("exit", abandon);
  try {
    return await follow(child, run);
  } finally {
    run.signal.removeEventListener("abort", forward);
    process.off("exit", abandon);
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

async function follow(child: Child, run: PythonRun): Promise<PythonOutcome> {
  let last: ToolEvent | undefined;
  const lastLines: string[] = [];
  const text = (line: string): void => {
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
    run.onText(line);
  };
  const [exit] = await Promise.all([
    exitOf(child, run.python.executable),
    eachLine(child.stdout, (line) => {
      const event = parseEvent(line);
      if (event === undefined) {
        text(line);
        return;
      }
      last = event;
      run.onEvent(event, line);
    }),
    eachLine(child.stderr, text),
  ]);
  if (last?.event === "result" && exit.status === 0) return { kind: "done", result: last.values };
  if (last?.event === "interrupted") {
    return { kind: "interrupted", message: last.message, checkpoint: last.checkpoint };
  }
  if (run.signal.aborted && (exit.signal === "SIGINT" || exit.status === 130)) {
    return {
      kind: "interrupted",
      message: "stopped before there was work to save",
      checkpoint: undefined,
    };
  }
  throw failure(last, exit, lastLines);
}

interface Exit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

function exitOf(child: Child, executable: string): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => {
      reject(
        new OmpError(ErrorCode.ToolFailed, {
          what: `${executable} does not start`,
          observed: cause.message,
          cause,
        }),
      );
    });
    child.once("exit", (status, signal) => {
      resolve({ status, signal });
    });
  });
}

async function eachLine(stream: Readable, callback: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) callback(line);
}

function failure(last: ToolEvent | undefined, exit: Exit, lastLines: readonly string[]): OmpError {
  if (last?.event === "error") {
    return new OmpError(ErrorCode.ToolFailed, {
      what: `the Python tool refused (${last.code})`,
      observed: last.message,
    });
  }
  const end = exit.signal === null ? `status ${exit.status}` : exit.signal;
  return new OmpError(ErrorCode.ToolFailed, {
    what: "the Python tool died without a result",
    observed: [end, ...lastLines].join("\n  "),
  });
}

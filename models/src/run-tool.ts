import { ProgressDisplay } from "./progress.ts";
import { findPython } from "./python-environment.ts";
import { type PythonOutcome, runPython } from "./run-python.ts";

export interface ToolCall {
  /** `omp_models`' command and its options. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Writes the event stream to stdout, for a program, instead of showing it. */
  readonly json: boolean;
}

/**
 * Runs `python -m omp_models` with progress, and where an interrupted command stopped, on stderr.
 *
 * @throws {OmpError} TOOL_FAILED
 */
export async function runTool({ args, signal, json }: ToolCall): Promise<PythonOutcome> {
  const python = await findPython();
  const display = new ProgressDisplay(process.stderr);
  try {
    const outcome = await runPython({
      python,
      // With --json Python leaves it to this side to tell people.
      args: ["-m", "omp_models", ...args, "--json"],
      signal,
      onEvent(event, line) {
        if (json) process.stdout.write(`${line}\n`);
        else display.show(event);
      },
      onText(line) {
        display.text(line);
      },
    });
    if (outcome.kind === "interrupted") display.text(`omp: ${outcome.message}`);
    return outcome;
  } finally {
    display.end();
  }
}

/** Options for the Python side: `--name value` for each that has a value. */
export function toolOptions(
  options: Readonly<Record<string, string | number | undefined>>,
): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}

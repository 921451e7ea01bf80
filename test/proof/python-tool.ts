import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { findPython } from "../../models/src/python-environment.ts";
import { runPython } from "../../models/src/run-python.ts";

/** The result of one command of the Python package. @throws {OmpError} TOOL_FAILED */
export async function runTool(args: readonly string[]): Promise<unknown> {
  const outcome = await runPython({
    python: await findPython(),
    args: ["-m", "omp_models", ...args, "--json"],
    signal: new AbortController().signal,
    onEvent: () => undefined,
    onText: () => undefined,
  });
  return outcome.kind === "done" ? outcome.result : undefined;
}

/** The JSON that a measuring module of the Python package prints. */
export async function runModule(name: string, args: readonly string[]): Promise<unknown> {
  const { executable, variables } = await findPython();
  const { stdout } = await promisify(execFile)(
    executable,
    ["-m", `omp_models.${name}`, ...args],
    variables === undefined ? {} : { env: variables },
  );
  return JSON.parse(stdout);
}

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

import { repositoryPath } from "../support/repository.ts";

/** The Python of the repository's own environment. */
export const python: string = repositoryPath("models", "python", ".venv", "bin", "python");

/** Options of a test that needs Python: skipped, with what to do, where the environment is missing. */
export const needsPython: { skip: string | false } = {
  skip: existsSync(python)
    ? false
    : "no models/python/.venv; npm test makes it where there is a python3",
};

/** Environment in which `omp_models` is this repository's. */
export const pythonEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  PYTHONPATH: repositoryPath("models", "python"),
};

/** Runs a Python file of this folder and gives back what it wrote to stdout. */
export async function runPythonFile(name: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    python,
    [repositoryPath("test", "python", name), ...args],
    { env: pythonEnvironment, maxBuffer: 2 ** 28 },
  );
  return stdout;
}

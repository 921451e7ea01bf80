import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";

/** A Python that can run `python -m omp_models`. */
export interface PythonEnvironment {
  /** The interpreter: a path, or a name on the PATH. */
  readonly executable: string;
  /** Variables for the child process; they make `omp_models` the one of this package. */
  readonly variables: NodeJS.ProcessEnv;
}

const packageRoot = dirname(fileURLToPath(import.meta.resolve("omp-edge/package.json")));
const pythonHome = join(packageRoot, "models", "python");

/** Looked up without being imported: importing PyTorch takes seconds. */
const PROBE = `
import importlib.util, sys
missing = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
print("python " + sys.version.split()[0] if sys.version_info < (3, 11) else " ".join(missing))
`;

const REQUIRED = [
  "omp_models",
  "torch",
  "numpy",
  "onnx",
  "onnxscript",
  "onnxruntime",
  "mujoco",
  "safetensors",
  "jsonschema",
  "msgpack",
  "websockets",
] as const;

/**
 * Finds the Python to use: the one OMP_PYTHON names and no other, else the environment in `models/python/.venv`, else `python3`.
 *
 * @throws {OmpError} TOOL_FAILED that says how to install what is missing
 */
export async function findPython(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<PythonEnvironment> {
  const variables = { ...environment, PYTHONPATH: pythonPath(environment), PYTHONUNBUFFERED: "1" };
  const chosen = environment["OMP_PYTHON"];
  const own = join(pythonHome, ".venv", "bin", "python");
  const candidates = chosen ? [chosen] : [...(existsSync(own) ? [own] : []), "python3"];
  const faults: string[] = [];
  for (const executable of candidates) {
    const fault = await probe(executable, variables);
    if (fault === undefined) return { executable, variables };
    faults.push(`${executable} ${fault}`);
  }
  const venv = join(pythonHome, ".venv");
  throw new OmpError(ErrorCode.ToolFailed, {
    what: "no Python environment can train or export",
    observed: faults.join("; "),
    expected: "Python 3.11 or newer with the packages of models/python/requirements.txt",
    next:
      `Install them: python3 -m venv ${venv} && ${own} -m pip install -r ${join(pythonHome, "requirements.txt")}. ` +
      "Or name another interpreter in OMP_PYTHON.",
  });
}

/** What keeps `executable` from being used, or undefined. */
async function probe(executable: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(executable, ["-c", PROBE, ...REQUIRED], { env });
    const missing = stdout.trim();
    if (missing === "") return undefined;
    return missing.startsWith("python ") ? `is ${missing}` : `lacks ${missing}`;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return code === "ENOENT" ? "is not there" : `does not run (${code})`;
  }
}

function pythonPath(environment: NodeJS.ProcessEnv): string {
  const given = environment["PYTHONPATH"];
  return given ? `${pythonHome}:${given}` : pythonHome;
}

import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { findPython } from "./python-environment.ts";

/** An interpreter of our own making that answers the probe with `answer`. */
async function withInterpreter(
  answer: string,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "omp-python-"));
  try {
    const path = join(folder, "python");
    await writeFile(path, `#!/bin/sh\necho '${answer}'\n`);
    await chmod(path, 0o755);
    await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the interpreter OMP_PYTHON names is used, with this package's omp_models", async () => {
  await withInterpreter("", async (path) => {
    const python = await findPython({ ...process.env, OMP_PYTHON: path, PYTHONPATH: "/mine" });
    assert.equal(python.executable, path);
    assert.match(python.variables["PYTHONPATH"] ?? "", /models\/python:\/mine$/);
  });
});

test("what an interpreter lacks is named, with the command that installs it", async () => {
  await withInterpreter("torch onnx", async (path) => {
    await assert.rejects(findPython({ ...process.env, OMP_PYTHON: path }), {
      code: "TOOL_FAILED",
      message: /lacks torch onnx.*-m pip install -r .*requirements\.txt/,
    });
  });
  await withInterpreter("python 3.8.2", async (path) => {
    await assert.rejects(findPython({ ...process.env, OMP_PYTHON: path }), {
      message: /is python 3\.8\.2.*3\.11 or newer/,
    });
  });
});

test("nothing stands in for an interpreter that OMP_PYTHON names in vain", async () => {
  await assert.rejects(findPython({ ...process.env, OMP_PYTHON: "/nowhere/python" }), {
    code: "TOOL_FAILED",
    message: /\/nowhere\/python is not there/,
  });
});

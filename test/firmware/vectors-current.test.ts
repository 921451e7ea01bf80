import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { repositoryPath } from "../support/repository.ts";
import { missingTools } from "./tools.ts";

test(
  "make_vectors.py makes the committed vectors",
  { skip: missingTools(["python3"]) },
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "omp-vectors-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const script = repositoryPath("test", "firmware", "make_vectors.py");
    await promisify(execFile)("python3", ["-B", script, directory]);
    for (const name of ["frames.json", "trajectory.json"]) {
      const made = await readFile(join(directory, name), "utf8");
      const committed = await readFile(repositoryPath("test", "vectors", name), "utf8");
      assert.ok(made === committed, `${name} is stale: run python3 test/firmware/make_vectors.py`);
      assert.ok(committed.length <= 300_000, `${name} has ${committed.length} bytes`);
    }
  },
);

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { repositoryPath } from "../support/repository.ts";

function omp(...args: readonly string[]): { status: number | null; out: string; errors: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [repositoryPath("dist", "sdk", "cli", "omp.js"), ...args],
    { encoding: "utf8", env: { ...process.env, OMP_PYTHON: "/nowhere/python" } },
  );
  return { status, out: stdout, errors: stderr };
}

const tinyPolicy = repositoryPath("test", "vectors", "tiny-policy");

test("every command of the host tool explains itself", () => {
  for (const name of ["data", "train", "export", "eval", "study", "serve", "verify", "inspect"]) {
    const { status, out } = omp(name, "--help");
    assert.equal(status, 0);
    assert.match(out, new RegExp(`^usage: omp ${name} `));
    assert.match(out, /Exit status: 0 /);
  }
});

test("a wrong call ends with status 2 and names what is wrong", () => {
  const calls: readonly [readonly string[], RegExp][] = [
    [["train", "--out", "run"], /--config is missing/],
    [["train", "--confg", "x"], /--confg/],
    [["train", "--config", "x", "--out", "y", "--device", "tpu"], /--device.*tpu.*cpu or cuda/],
    [["data"], /nothing.*inspect, collect, import/],
    [["data", "show"], /show.*inspect, collect, import/],
    [["data", "inspect"], /Expected: PATH/],
    [["data", "inspect", "x.npz", "--dt-ms", "0"], /--dt-ms.*milliseconds above 0/],
    [["data", "collect", "--out", "x.npz"], /--task is missing/],
    [
      ["data", "collect", "--task", "push", "--out", "x", "--first-seed", "7"],
      /--first-seed.*1000000/,
    ],
    [["data", "import", "set", "--out", "x", "--format", "hdf5"], /hdf5.*dp3-zarr or lerobot/],
    [["export", "run", "--out", "bundle"], /Expected: options only/],
    [["eval", tinyPolicy, "--policy", "int4"], /int4.*runtime or torch or fp32 or int8/],
    [["eval", tinyPolicy, "--episodes", "0"], /--episodes.*0.*from 1/],
    [["eval", tinyPolicy, "--episodes", "1e3"], /--episodes.*1e3/],
    [["inspect"], /Expected: BUNDLE/],
    [["study", "walk"], /walk.*run or report/],
    [["serve", tinyPolicy, "--host", "0.0.0.0"], /--host 0\.0\.0\.0 and no OMP_API_KEY/],
    [["serve", tinyPolicy, "--map", "state=observation.stat"], /one of observation\.state/],
    [["verify", tinyPolicy, "--windows", "many"], /--windows.*many/],
  ];
  for (const [args, message] of calls) {
    const { status, errors } = omp(...args);
    assert.match(errors, message);
    assert.match(errors, /^omp: INVALID_ARGUMENT: .*\n$/);
    assert.equal(status, 2, args.join(" "));
  }
});

test("a machine without Python is told how to get it, in one line", () => {
  const { status, errors } = omp("train", "--config", "x.json", "--out", "/tmp");
  assert.equal(status, 1);
  assert.match(errors, /^omp: TOOL_FAILED: .*\/nowhere\/python is not there.*pip install.*\n$/);
});

test("a bundle is inspected and verified without Python", () => {
  const inspected = omp("inspect", tinyPolicy);
  assert.equal(inspected.status, 0, inspected.errors);
  assert.match(inspected.out, /^tiny-policy 1\.0\.0/);
  const json: unknown = JSON.parse(omp("inspect", tinyPolicy, "--json").out);
  assert.ok(typeof json === "object" && json !== null && "files" in json);
  assert.ok(Array.isArray(json.files));
  assert.equal(json.files.length, 2);
  const verified = omp("verify", tinyPolicy);
  assert.equal(verified.status, 0, verified.errors);
  assert.match(verified.out, /fp32: 2 golden cases reproduced/);
  assert.match(verified.out, /pytorch: not compared/);
});

test("a directory that is no bundle is refused in one line", () => {
  for (const name of ["inspect", "verify"]) {
    const { status, errors } = omp(name, repositoryPath("sdk"));
    assert.equal(status, 1);
    assert.match(errors, /^omp: BUNDLE_UNREADABLE: .*manifest\.json.*\n$/);
  }
});

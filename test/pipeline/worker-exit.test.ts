import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { repositoryPath } from "../support/repository.ts";

/** Runs an ES module that sees the package by its name. */
function runScript(source: string): ReturnType<typeof spawnSync> {
  return spawnSync(process.execPath, ["--input-type=module", "--eval", source], {
    cwd: repositoryPath(),
    encoding: "utf8",
    timeout: 60_000,
  });
}

const open = `
  import { loadPolicy } from "omp-edge/node";
  const policy = await loadPolicy("test/vectors/tiny-policy");
  const observation = { "observation.state": [0, 0] };
`;

test("a policy that nobody closed does not keep the process alive", () => {
  const { status, stderr } = runScript(`${open} await policy.act(observation);`);
  assert.equal(status, 0, String(stderr));
});

test("close waits for the inference in flight and the process ends cleanly", () => {
  const script = `${open}
    for (let i = 0; i < 20; i += 1) await policy.act(observation);
    const running = policy.act(observation);
    await policy.close();
    const chunk = await running;
    process.exit(chunk.sequence === 21 ? 0 : 1);`;
  const { status, stderr } = runScript(script);
  assert.equal(status, 0, String(stderr));
});

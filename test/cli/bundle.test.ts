import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { repositoryPath } from "../support/repository.ts";
import { makeTinyBundle } from "../support/tiny-bundle.ts";

const folder = await mkdtemp(join(tmpdir(), "omp-bundle-cli-"));
after(() => rm(folder, { recursive: true, force: true }));

function omp(...args: readonly string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  const program = repositoryPath("dist/sdk/cli/omp.js");
  return spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: "utf8" });
}

test("keys, pack, verify and unpack work together, and a stranger's bundle is refused", async () => {
  await makeTinyBundle(join(folder, "bundle"));
  assert.equal(omp("keys", "new", "fleet").status, 0);
  assert.equal(omp("keys", "new", "stranger").status, 0);
  assert.equal((await stat(join(folder, "fleet.key"))).mode & 0o777, 0o600);

  const packed = omp("bundle", "pack", "bundle", "--key", "fleet.key", "--out", "b.omp", "--json");
  assert.equal(packed.status, 0, packed.stderr);
  const { hash, key_id: id } = JSON.parse(packed.stdout);
  assert.equal(omp("keys", "show", "fleet.pub").stdout.split("\n")[0], id);
  assert.equal(omp("keys", "show", "fleet.key").stdout, omp("keys", "show", "fleet.pub").stdout);

  const verified = omp("bundle", "verify", "b.omp", "--trust", "fleet.pub");
  assert.equal(verified.status, 0, verified.stderr);
  assert.match(verified.stdout, new RegExp(`^${hash}  tiny-policy 1.0.0`));
  const strange = omp("bundle", "verify", "b.omp", "--trust", "stranger.pub");
  assert.equal(strange.status, 1);
  assert.match(strange.stderr, /BUNDLE_UNTRUSTED/);

  const unpacked = omp("bundle", "unpack", "b.omp", "--out", "robot", "--trust", "fleet.pub");
  assert.equal(unpacked.status, 0, unpacked.stderr);
  assert.equal(omp("bundle", "verify", "robot", "--trust", "fleet.pub").status, 0);
  await writeFile(join(folder, "robot", "golden.json"), "{}");
  assert.equal(omp("bundle", "verify", "robot", "--trust", "fleet.pub").status, 1);
});

test("a key is never replaced, and a wrong call is told so", async () => {
  const before = await readFile(join(folder, "fleet.key"), "utf8");
  assert.equal(omp("keys", "new", "fleet").status, 1);
  assert.equal(await readFile(join(folder, "fleet.key"), "utf8"), before);
  assert.equal(omp("keys", "lose", "fleet").status, 2);
  assert.equal(omp("bundle", "pack", "bundle").status, 2);
  assert.equal(omp("bundle", "verify", "b.omp").status, 2);
});

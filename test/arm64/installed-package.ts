import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { parseManifest } from "omp-edge";
import { FileBundleReader, OrtSession } from "omp-edge/node";

import { goldenOutputs, type GoldenOutputs, largestDifference } from "../support/golden-outputs.ts";
import { repositoryPath } from "../support/repository.ts";
import type { VirtualEpisode } from "../support/virtual-robot.ts";
import { EmulatedBoard, needsEmulator } from "./emulated-board.ts";

const folder = mkdtempSync(join(tmpdir(), "omp-arm64-"));
const bundles = readdirSync(repositoryPath("models/bundles"));
const prepared: { board?: EmulatedBoard } = {};

function board(): EmulatedBoard {
  assert.ok(prepared.board);
  return prepared.board;
}

before(async () => {
  if (needsEmulator.skip !== false) return;
  prepared.board = await EmulatedBoard.prepare(folder);
  board().addTestCode(
    "support/golden-outputs.js",
    "support/repository.js",
    "support/virtual-robot.js",
    "arm64/on-board/imports.js",
    "arm64/on-board/golden.js",
    "arm64/on-board/episode.js",
  );
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("every entry and every native part loads on arm64", needsEmulator, async (t) => {
  const report: {
    readonly arch: string;
    readonly node: string;
    readonly names: Readonly<Record<string, number>>;
    readonly serialport: string;
  } = JSON.parse(await board().run("dist/test/arm64/on-board/imports.js"));
  t.diagnostic(`${report.arch}, Node ${report.node}`);
  assert.equal(report.arch, "arm64");
  const { exports }: { exports: object } = JSON.parse(
    readFileSync(repositoryPath("package.json"), "utf8"),
  );
  assert.equal(Object.keys(report.names).length, Object.keys(exports).length - 1);
  assert.match(report.serialport, /No such file or directory/);
  for (const [entry, count] of Object.entries(report.names)) assert.ok(count > 0, entry);
});

for (const bundle of bundles) {
  const path = join("models", "bundles", bundle);
  const manifest = parseManifest(readFileSync(repositoryPath(path, "manifest.json"), "utf8"));
  for (const { name } of manifest.variants) {
    test(`${bundle} ${name} reproduces its golden cases on arm64`, needsEmulator, async (t) => {
      const observed: GoldenOutputs = JSON.parse(
        await board().run("dist/test/arm64/on-board/golden.js", path, name),
      );
      const reader = new FileBundleReader(repositoryPath(path));
      const here = await goldenOutputs(reader, new OrtSession(), name);
      const difference = largestDifference(observed.observed, here.observed);
      t.diagnostic(`largest difference from this ${process.arch} machine: ${difference}`);
      assert.ok(largestDifference(observed.observed, observed.expected) <= observed.tolerance);
      assert.ok(difference <= observed.tolerance, `${difference}`);
    });
  }

  test(`omp inspect and omp verify accept ${bundle} on arm64`, needsEmulator, async () => {
    const cli = "dist/sdk/cli/omp.js";
    assert.match(await board().run(cli, "inspect", path), new RegExp(`^${bundle} `));
    const verified = await board().run(cli, "verify", path, "--no-python");
    for (const { name } of manifest.variants) {
      assert.match(verified, new RegExp(`^${name}: \\d+ golden cases reproduced`, "m"));
    }
  });
}

test(
  "the INT8 policy solves an episode on arm64 through the real firmware",
  needsEmulator,
  async (t) => {
    const episode: VirtualEpisode & { trajectoriesLate: number; faults: number } = JSON.parse(
      await board().run("dist/test/arm64/on-board/episode.js"),
    );
    t.diagnostic(`${episode.durationMs / 1000} s of virtual time`);
    assert.ok(episode.hasSucceeded, JSON.stringify(episode));
    assert.deepEqual([episode.trajectoriesLate, episode.faults], [0, 0]);
  },
);

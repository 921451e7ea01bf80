import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { PtyEcho } from "../support/pty-echo.ts";
import type { WorkerStress } from "../support/worker-stress.ts";

const skip = process.platform === "linux" ? false : "Linux only";
const stressProgram = fileURLToPath(new URL("../support/worker-stress.js", import.meta.url));

describe("serial ports in worker threads", { skip }, () => {
  let echo: PtyEcho;

  before(async () => {
    echo = await PtyEcho.start(3);
  });
  after(() => {
    echo.close();
  });

  /** In a process of its own, which may not survive it. */
  function run(stress: Omit<WorkerStress, "paths">): SpawnSyncReturns<string> {
    const argument = JSON.stringify({ ...stress, paths: echo.paths });
    return spawnSync(process.execPath, [stressProgram, argument], { encoding: "utf8" });
  }

  for (const isTerminated of [false, true]) {
    const end = isTerminated ? "that are terminated" : "that come to their end";
    test(`linux-tty opens, reads, writes and closes in workers ${end}`, () => {
      const result = run({ driver: "linux-tty", rounds: 4, cycles: 10, isTerminated });
      assert.equal(result.status, 0, `${result.signal} ${result.stderr}`);
      assert.ok(isTerminated || Number(result.stdout) > 0, "bytes came back");
    });
  }

  test("serialport is refused in a worker before it can end the process", () => {
    const result = run({ driver: "serialport", rounds: 1, cycles: 1, isTerminated: false });
    assert.equal(result.status, 1, `${result.signal}`);
    assert.match(result.stderr, /LINK_OPEN_FAILED.*worker thread.*linux-tty/);
  });
});

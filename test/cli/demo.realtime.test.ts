import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

import { repositoryPath } from "../support/repository.ts";
import { firmwareMissing } from "../support/pty-robot.ts";

function startDemo(...args: readonly string[]): {
  readonly child: ChildProcess;
  readonly output: () => string;
} {
  const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
  const child = spawn(process.execPath, [omp, "demo", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  return { child, output: () => text };
}

function checkSummary(text: string): void {
  assert.match(text, /^inference +p50 [\d.]+ ms, p99 [\d.]+ ms, \d+ chunks$/m);
  assert.match(text, /^tick lateness +p50 [\d.]+ ms, p99 [\d.]+ ms$/m);
  assert.match(text, /^frames +\d+ sent, \d+ acked, \d+ rejected$/m);
  assert.match(text, /^faults +none$/m);
}

test("one episode over WebAssembly succeeds and ends with the summary", async () => {
  const { child, output } = startDemo("--episodes", "1", "--firmware", "wasm");
  const [code] = await once(child, "exit");
  assert.equal(code, 0, output());
  assert.match(output(), /firmware core in WebAssembly/);
  assert.match(output(), /^episodes +1 of 1 finished, 1 succeeded$/m);
  checkSummary(output());
});

test(
  "Ctrl-C stops the arm, prints the summary and leaves no process behind",
  { skip: firmwareMissing },
  async () => {
    const { child, output } = startDemo("--firmware", "host");
    while (!/^episode +1 /m.test(output())) {
      assert.equal(child.exitCode, null, output());
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    child.kill("SIGINT");
    const [code] = await once(child, "exit");
    assert.equal(code, 130, output());
    assert.match(output(), /stopping: hold, disarm, close/);
    checkSummary(output());
  },
);

test("a wrong call says what is right", async () => {
  const { child, output } = startDemo("--episodes", "0");
  const [code] = await once(child, "exit");
  assert.equal(code, 2);
  assert.match(output(), /--episodes is not allowed.*Expected: an integer from 1/);
});

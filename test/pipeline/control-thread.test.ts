import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { type Fault, FaultReason, isOmpError, type LoopState } from "omp-edge";
import { ControlThread, type ControlThreadOptions, loadPolicy } from "omp-edge/node";

import type { LoopbackControlData } from "../support/loopback-control.ts";
import { repositoryPath } from "../support/repository.ts";

const module = new URL("../support/loopback-control.js", import.meta.url);

interface Rig {
  readonly thread: ControlThread;
  readonly states: LoopState[];
  /** What the link was told. */
  readonly log: () => string[];
}

function createLog(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "omp-control-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  return join(folder, "log");
}

async function open(t: TestContext, options: ControlThreadOptions = {}): Promise<Rig> {
  const path = createLog(t);
  const data: LoopbackControlData = { log: path };
  const thread = await ControlThread.open(module, { ...options, data });
  t.after(() => thread.close());
  const states: LoopState[] = [];
  thread.on("stateChanged", (state) => states.push(state));
  return { thread, states, log: () => readFileSync(path, "utf8").trim().split("\n") };
}

function nextFault(thread: ControlThread): Promise<Fault> {
  return new Promise((resolve) => {
    thread.on("faulted", resolve);
  });
}

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

test("the loop is steered from this thread and shows here what it measures", async (t) => {
  const { thread, states, log } = await open(t);
  assert.equal(thread.state, "idle");
  assert.ok(["fifo", "nice", "plain"].includes(thread.priority.kind));
  await thread.start({ paused: true });
  await thread.moveTo([0.1, -0.1]);
  assert.equal(thread.state, "holding");
  await sleep(50);
  const { counters, linkCounters, joints, tickLatenessMs } = thread.figures;
  assert.ok(counters.ticks > 0);
  assert.equal(linkCounters.trajectoriesAccepted, 1);
  assert.deepEqual(
    [...joints.position].map((radians) => radians.toFixed(4)),
    ["0.1000", "-0.1000"],
  );
  assert.ok(tickLatenessMs.count > 0 && tickLatenessMs.count <= counters.ticks);
  await thread.close();
  assert.deepEqual(states, ["arming", "holding", "idle"]);
  assert.deepEqual(log().slice(-2), ["closed", "module closed"]);
});

test("an inference worker that was started inside the control thread computes the same", async (t) => {
  const { thread } = await open(t);
  const policy = await loadPolicy(repositoryPath("test/vectors/tiny-policy"));
  t.after(() => policy.close());
  const chunk = await policy.act({ "observation.state": [0, 0] });
  assert.deepEqual(await thread.ask("act"), Array.from(chunk.rows));
});

test("what the loop or the module refuses is the same error here", async (t) => {
  const { thread } = await open(t);
  await assert.rejects(thread.rearm(), (error) => isOmpError(error, "INVALID_STATE"));
  await thread.start({ paused: true });
  await assert.rejects(thread.moveTo([0]), (error) => isOmpError(error, "INVALID_ARGUMENT"));
  await assert.rejects(thread.ask("the time"), /the control module cannot answer this/);
  await thread.close();
  await assert.rejects(thread.start(), /there is no control thread any more.*it was closed/);
});

test("what cannot become a loop fails to open and leaves no thread behind", async (t) => {
  const data = { log: createLog(t) };
  for (const [url, options, expected] of [
    [module, { mainTimeoutMs: 100 }, /mainTimeoutMs.*200 to 60000/],
    [module, { priority: 99 }, /priority.*0 to 95/],
    [module, { data: undefined }, /could not make a loop/],
    [new URL("../support/repository.js", import.meta.url), {}, /is no control module/],
    [new URL("file:///nowhere.js"), {}, /nowhere/],
  ] as const) {
    await assert.rejects(
      ControlThread.open(url, { data, ...options }),
      (error) => isOmpError(error, "INVALID_ARGUMENT") && expected.test(error.message),
    );
  }
});

test("an emergency stop overtakes every message that waits", async (t) => {
  const { thread, log } = await open(t);
  await thread.start({ paused: true });
  const fault = nextFault(thread);
  const calls = 400;
  const answers = Array.from({ length: calls }, async () => thread.ask("busy", 5));
  thread.emergencyStop();
  assert.equal((await fault).reason, FaultReason.EmergencyStop);
  await Promise.all(answers);
  const stop = log().find((line) => line.startsWith("emergency stop")) ?? "";
  const answered = Number(/\d+/.exec(stop)?.[0]);
  assert.ok(answered < calls / 2, `${stop} of ${calls}`);
  await thread.rearm();
  assert.equal(thread.fault, undefined);
});

test("the loop goes on while this thread is blocked, until it counts as dead: then it faults and holds", async (t) => {
  const { thread, log } = await open(t, { mainTimeoutMs: 2000 });
  await thread.start({ paused: true });
  await sleep(50);
  const before = thread.figures.counters.ticks;
  block(1000);
  assert.ok(thread.figures.counters.ticks > before);
  assert.equal(thread.state, "holding");
  await sleep(200);
  const fault = nextFault(thread);
  block(2500);
  assert.equal(thread.state, "faulted");
  const { reason, detail } = await fault;
  assert.equal(reason, FaultReason.ThreadLost);
  assert.match(detail, /the main thread has not run for \d+ ms/);
  assert.deepEqual(log().slice(-2), ["hold", "disarm"]);
  await thread.rearm();
  assert.equal(thread.state, "holding");
});

test("an exception in the thread stops the arm there and is a fault here", async (t) => {
  const { thread, states, log } = await open(t);
  await thread.start({ paused: true });
  await thread.ask("inferAlways");
  const fault = nextFault(thread);
  const refused = assert.rejects(
    thread.ask("sleep", 60_000),
    /there is no control thread any more/,
  );
  await thread.ask("crash");
  const { reason, detail } = await fault;
  assert.equal(reason, FaultReason.ThreadLost);
  assert.match(detail, /JSON/);
  assert.equal(thread.state, "faulted");
  assert.equal(states.at(-1), "faulted");
  await refused;
  await thread.close();
  assert.match(log().join(), /emergency stop.*disarm.*module closed/);
});

test("a thread that does not run any more is told", async (t) => {
  const { thread } = await open(t);
  await thread.start({ paused: true });
  const silent = new Promise<number>((resolve) => {
    thread.on("silent", resolve);
  });
  await thread.ask("busy", 2500);
  assert.ok((await silent) > 1000);
});

for (const [way, script, status] of [
  ["calls process.exit", "process.exit(3);", 3],
  ["throws what nobody catches", "throw new Error('a bug of the program');", 1],
  ["closes the thread", "await thread.close();", 0],
] as const) {
  test(`a program that ${way} stops the arm first and cuts off no inference`, (t) => {
    const log = createLog(t);
    const program = `
      import { ControlThread } from "omp-edge/node";
      const thread = await ControlThread.open(new URL(${JSON.stringify(module)}), { data: ${JSON.stringify({ log })} });
      await thread.start({ paused: true });
      await thread.ask("inferAlways");
      ${script}`;
    const child = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: repositoryPath(),
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(child.status, status, `${child.signal} ${child.stderr}`);
    const lines = readFileSync(log, "utf8");
    assert.match(lines, /hold\ndisarm\n(.*\n)*closed\n(.*\n)*module closed\n/);
  });
}

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";

import type { ToolEvent } from "./events.ts";
import { type PythonOutcome, runPython } from "./run-python.ts";

interface Recorded {
  readonly events: ToolEvent[];
  readonly text: string[];
}

/** Runs a script in place of `omp_models`, in this Node: what counts here is a real process with its pipes and signals. */
async function runScript(
  script: string,
  recorded: Recorded = { events: [], text: [] },
  onEvent: (abort: () => void) => void = () => undefined,
): Promise<PythonOutcome> {
  const controller = new AbortController();
  return runPython({
    python: { executable: process.execPath, variables: process.env },
    args: ["-e", `const emit = (event) => console.log(JSON.stringify(event)); ${script}`],
    signal: controller.signal,
    onEvent(event) {
      recorded.events.push(event);
      onEvent(() => {
        controller.abort();
      });
    },
    onText(line) {
      recorded.text.push(line);
    },
  });
}

const waitForInterrupt = `
  let interrupts = 0;
  process.on("SIGINT", () => { interrupts += 1; });
  emit({ event: "started", command: "train" });
  const timer = setInterval(() => {
    if (interrupts === 0) return;
    clearInterval(timer);
    setTimeout(() => {
      emit({ event: "interrupted", message: interrupts + " interrupt", checkpoint: "checkpoint.pt" });
      process.exitCode = 130;
    }, 200);
  }, 5);`;

test("events and text arrive in order, and the result is handed back", async () => {
  const recorded: Recorded = { events: [], text: [] };
  const outcome = await runScript(
    `emit({ event: "started", command: "train" });
     console.log("a library prints");
     console.error("and warns");
     emit({ event: "result", command: "train", step: 40 });`,
    recorded,
  );
  assert.ok(outcome.kind === "done");
  assert.equal(outcome.result["step"], 40);
  assert.deepEqual(
    recorded.events.map(({ event }) => event),
    ["started", "result"],
  );
  assert.deepEqual(recorded.text.sort(), ["a library prints", "and warns"]);
});

test("an interrupt is forwarded once and its checkpoint waited for", async () => {
  const outcome = await runScript(waitForInterrupt, undefined, (abort) => {
    abort();
    abort();
  });
  assert.deepEqual(outcome, {
    kind: "interrupted",
    message: "1 interrupt",
    checkpoint: "checkpoint.pt",
  });
});

test("an interrupt before Python is ready to save is no failure", async () => {
  const outcome = await runScript(
    `emit({ event: "started", command: "train" }); setInterval(() => undefined, 1000);`,
    undefined,
    (abort) => {
      abort();
    },
  );
  assert.equal(outcome.kind, "interrupted");
});

test("Python's own error is passed on with its code", async () => {
  await assert.rejects(
    runScript(
      `emit({ event: "error", code: "CONFIG_INVALID", message: "recipe has no key stepz" });
       process.exitCode = 1;`,
    ),
    { code: "TOOL_FAILED", message: /CONFIG_INVALID.*recipe has no key stepz/ },
  );
});

test("a death without an error is told with its status and last lines", async () => {
  await assert.rejects(
    runScript(`for (let i = 0; i < 9; i += 1) console.error("line " + i); process.exitCode = 3;`),
    (error: Error) => {
      assert.match(error.message, /^TOOL_FAILED: .*status 3\n {2}line 4\n[^]*line 8\./);
      assert.doesNotMatch(error.message, /line 3/);
      return true;
    },
  );
});

test("a result does not excuse a failing exit", async () => {
  await assert.rejects(
    runScript(`emit({ event: "result", command: "train" }); process.exitCode = 1;`),
    { code: "TOOL_FAILED" },
  );
});

test("an interpreter that is not there is named", async () => {
  await assert.rejects(
    runPython({
      python: { executable: "/nowhere/python", variables: process.env },
      args: [],
      signal: new AbortController().signal,
      onEvent: () => undefined,
      onText: () => undefined,
    }),
    { code: "TOOL_FAILED", message: /\/nowhere\/python does not start/ },
  );
});

test("nothing is left running when this process ends at once", async () => {
  const child = `process.on("SIGINT", () => undefined); setInterval(() => undefined, 1000);
    console.log(JSON.stringify({ event: "log", message: String(process.pid) }));`;
  const parent = `
    import { runPython } from ${JSON.stringify(import.meta.resolve("./run-python.js"))};
    await runPython({
      python: { executable: process.execPath, variables: process.env },
      args: ["-e", ${JSON.stringify(child)}],
      signal: new AbortController().signal,
      onText() {},
      onEvent(event) { console.log(event.message); process.exit(0); },
    });`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "-e",
    parent,
  ]);
  const pid = Number(stdout);
  assert.ok(pid > 0);
  for (let i = 0; i < 100 && isAlive(pid); i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(isAlive(pid), false);
});

/** A process that has ended but that nobody has waited for yet counts as ended. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== "linux") return true;
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

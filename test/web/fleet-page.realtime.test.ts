import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { EmbeddedBroker } from "../../sdk/cli/embedded-broker.ts";
import { launchChromium, needsChromium, openPage } from "../support/chromium.ts";
import { repositoryPath } from "../support/repository.ts";

const omp = repositoryPath("dist/sdk/cli/omp.js");
const robotProgram = repositoryPath("dist/test/support/light-robot-program.js");
const parts: {
  broker?: EmbeddedBroker;
  browser?: Browser;
  page?: Page;
  url?: string;
  problems?: readonly string[];
  readonly processes: ChildProcess[];
} = { processes: [] };

function run(...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [...args], { stdio: ["ignore", "pipe", "inherit"] });
  parts.processes.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout !== null);
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    lines.close();
    child.stdout.resume();
    return line;
  }
  return "";
}

before(async () => {
  if (needsChromium.skip !== false) return;
  parts.broker = await EmbeddedBroker.start({ port: 18_860, orFreePort: true });
  const broker = parts.broker.url;
  for (const robot of ["arm-1", "arm-2"]) run(robotProgram, broker, robot).stdout?.resume();
  const ui = run(omp, "fleet", "ui", "--broker", broker, "--port", "0");
  parts.url = /http:\S+/.exec(await firstLine(ui))?.[0] ?? "";
  parts.browser = await launchChromium();
  const opened = await openPage(parts.browser, parts.url);
  parts.page = opened.page;
  parts.problems = opened.problems;
});

after(async () => {
  await parts.browser?.close();
  for (const child of parts.processes) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, "exit");
    child.kill("SIGINT");
    await exited;
  }
  await parts.broker?.stop();
});

function thePage(): Page {
  assert.ok(parts.page !== undefined);
  return parts.page;
}

test("a robot's process appears, and one click shows it live", needsChromium, async () => {
  const page = thePage();
  await page.click('[data-robot="arm-1"]', { timeout: 30_000 });
  await page.locator("#robot h2", { hasText: "running" }).waitFor({ timeout: 30_000 });
  const joints = await page.locator(".joint").allTextContents();
  assert.equal(joints.length, 2);
  assert.match(joints[0] ?? "", /shoulder.*-?\d\.\d{3}/);
  const first = page.locator(".joint output").first();
  const shown = await first.textContent();
  for (let tries = 0; tries < 100 && (await first.textContent()) === shown; tries += 1) {
    await page.waitForTimeout(100);
  }
  assert.notEqual(await first.textContent(), shown, "the arm moves on the page");
  assert.match((await page.textContent("#summary")) ?? "", /2 robots · 0 in trouble/);
});

test(
  "STOP acts when it is pressed, and the fault is on the page with its help",
  needsChromium,
  async (t) => {
    const page = thePage();
    // The page itself is slow: its thread is busy eight tenths of the time.
    await page.evaluate(() => {
      setInterval(() => {
        const end = performance.now() + 80;
        while (performance.now() < end);
      }, 100);
    });
    const pressedAt = Date.now();
    await page.dispatchEvent('#robot [data-command="stop"]', "pointerdown");
    const fault = page.locator("#robot .fault strong", { hasText: "emergency_stop" });
    await fault.waitFor({ timeout: 10_000 });
    t.diagnostic(`the fault was shown ${Date.now() - pressedAt} ms after the press`);
    assert.match((await page.textContent("#robot .fault")) ?? "", /Next: see that nobody is near/);
    assert.match((await page.textContent("#summary")) ?? "", /1 in trouble/);
  },
);

test("rearm asks whether everybody is clear, and the arm runs again", needsChromium, async () => {
  const page = thePage();
  page.once("dialog", (dialog) => void dialog.accept());
  await page.click('#robot [data-command="rearm"]');
  await page.locator("#robot h2", { hasText: "running" }).waitFor({ timeout: 10_000 });
  assert.match((await page.textContent("#answer")) ?? "", /rearm: done/);
});

test("STOP ALL stops every robot", needsChromium, async () => {
  const page = thePage();
  await page.dispatchEvent("#stop-all", "pointerdown");
  await page.locator("#answer", { hasText: "stop: done by 2" }).waitFor({ timeout: 10_000 });
  await page.locator("#summary", { hasText: "2 in trouble" }).waitFor({ timeout: 10_000 });
});

test("commands that are not from the page are refused", needsChromium, async () => {
  const response = await fetch(`${parts.url}command`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ kind: "rearm", robots: ["arm-1"] }),
  });
  assert.equal(response.status, 403);
});

test(
  "a phone shows the same without a sideways scroll, and nothing went wrong on the page",
  needsChromium,
  async () => {
    const page = thePage();
    await page.setViewportSize({ width: 360, height: 740 });
    const width: number = await page.evaluate("document.documentElement.scrollWidth");
    assert.ok(width <= 360, `${width} px wide`);
    assert.deepEqual(parts.problems, []);
  },
);

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import { launchChromium, needsChromium, openPage } from "../support/chromium.ts";
import { repositoryPath, repositoryRoot } from "../support/repository.ts";
import { startStaticServer } from "../support/static-server.ts";

async function runExample(name: string): Promise<string> {
  const main = repositoryPath("dist", "examples", name, "main.js");
  const { stdout } = await promisify(execFile)(process.execPath, [main], { cwd: repositoryRoot });
  return stdout;
}

test("hello-policy prints a chunk of six joints", async () => {
  const [headline, ...rows] = (await runExample("hello-policy")).trim().split("\n");
  assert.match(headline ?? "", /^16 actions in one evaluation of [\d.]+ ms$/);
  assert.equal(rows.length, 16);
  for (const row of rows) {
    const values = row.trim().split(/\s+/).map(Number);
    assert.equal(values.length, 6);
    assert.ok(values.every(Number.isFinite), row);
  }
});

for (const [name, what] of [
  ["serial-arm", "a loopback controller"],
  ["real-time-arm", "a loopback controller from a thread of its own"],
  ["so101", "six simulated servos"],
  ["mqtt-arm", "the firmware core behind a broker"],
] as const) {
  test(`${name} drives ${what} with the bundled policy and stops clean`, async () => {
    const lines = (await runExample(name)).split("\n").map((line) => line.trim());
    assert.deepEqual(lines.slice(0, 4), ["arming", "holding", "running", "idle"]);
    assert.ok(lines.includes("faults: 0,") || lines.includes("faults: 0"), lines.join("\n"));
  });
}

test("depth-camera prints clouds of a ball on a table", async () => {
  const lines = (await runExample("depth-camera")).split("\n");
  const clouds = lines.filter((line) => /512 points up to 0\.(09|10)\d m/.test(line));
  assert.ok(clouds.length > 0, lines.join("\n"));
  assert.ok(lines.some((line) => line.includes("framesCut: 0")));
});

test(
  "browser-playground loads the bundle in a browser and answers a slider",
  needsChromium,
  async (t) => {
    const build = repositoryPath("examples/browser-playground/build.mjs");
    const { stdout: site } = await promisify(execFile)(process.execPath, [build]);
    const server = await startStaticServer({ "/": site.trim() });
    t.after(() => server.close());
    const browser = await launchChromium();
    t.after(() => browser.close());

    const { page, problems } = await openPage(browser, `${server.origin}/`);
    const status = page.locator("p");
    await status.filter({ hasText: /16 actions in one evaluation of [\d.]+ ms/ }).waitFor();
    const [views, sliders] = [page.locator("canvas"), page.locator("input")];
    assert.deepEqual([await views.count(), await sliders.count()], [3, 11]);
    const before = await views.nth(0).screenshot();
    await page.locator("input[name=object_y]").fill("-0.06");
    await assertEventually(async () => !(await views.nth(0).screenshot()).equals(before));
    assert.deepEqual(problems, []);
  },
);

async function assertEventually(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("it did not come true within 5 s");
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { duration, ProgressDisplay } from "./progress.ts";

function record(terminal: boolean): { display: ProgressDisplay; written: string[] } {
  const written: string[] = [];
  const stream = { isTTY: terminal, columns: 60, write: (text: string) => written.push(text) };
  return { display: new ProgressDisplay(stream), written };
}

function progress(done: number): Parameters<ProgressDisplay["show"]>[0] {
  return { event: "progress", stage: "train", done, total: 200, etaS: 200 - done };
}

test("without a terminal a stage is told in at most eleven lines", () => {
  const { display, written } = record(false);
  for (let done = 1; done <= 200; done += 1) {
    display.show(progress(done));
    display.show({ event: "metric", name: "train/mse", step: done, value: 1 / done });
  }
  display.end();
  assert.equal(written.length, 11);
  assert.equal(written[0], "train 0 % 1/200 3 min 19 s left\n");
  assert.equal(written.at(-1), "train 100 % 200/200 mse 0.00503\n");
});

test("on a terminal the bar stays below the text and within the line", () => {
  const { display, written } = record(true);
  display.show(progress(100));
  display.text("hello");
  display.end();
  const [bar = "", text = "", last = ""] = written;
  const bar100 = `train ${"█".repeat(12)}${"░".repeat(12)} 100/200 1 min 40 s left`;
  assert.equal(bar, `\r\x1b[2K${bar100}`);
  assert.ok(bar100.length < 60);
  assert.equal(text, `\r\x1b[2Khello\n${bar100}`);
  assert.equal(last, "\n");
});

test("a failed episode is told, a successful one only counted", () => {
  const { display, written } = record(false);
  const episode = { event: "episode", policy: "int8", seed: 4, steps: 200 } as const;
  display.show({ ...episode, success: true });
  display.show({ ...episode, success: false });
  assert.deepEqual(written, ["int8: seed 4 failed after 200 steps\n"]);
});

test("durations read well", () => {
  assert.deepEqual([0.4, 59, 60, 200, 3600, 7500].map(duration), [
    "0 s",
    "59 s",
    "1 min 00 s",
    "3 min 20 s",
    "1 h 00 min",
    "2 h 05 min",
  ]);
});

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import {
  PrometheusEndpoint,
  prometheusText,
  readBoard,
} from "../../firmware-bridge/src/fleet/index.ts";
import { birth, metrics, startBroker, startRobot, until, vitals } from "./fleet-fixture.ts";

/** A strict reader of the text format 0.0.4: families in one piece, HELP and TYPE first, label values unescaped. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  assert.ok(text.endsWith("\n"));
  let family = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const help = /^# HELP ([a-z_]+) \S/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge|summary)$/.exec(line);
    if (help !== null) {
      family = help[1] ?? "";
      assert.ok(!types.has(family), `${family} twice`);
    } else if (type !== null) {
      assert.equal(type[1], family);
      types.set(family, type[2] ?? "");
    } else {
      const sample = /^([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (-?[0-9.e+-]+)$/.exec(
        line,
      );
      assert.ok(sample, line);
      assert.equal(sample[1], family);
      assert.equal(types.get(family) === "counter", family.endsWith("_total"), family);
      const labels = [...(sample[2] ?? "").matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)]
        .map(
          ([, name, value]) =>
            `${name}=${(value ?? "").replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c))}`,
        )
        .join(" ");
      const key = `${family} ${labels}`;
      assert.ok(!samples.has(key), key);
      samples.set(key, Number(sample[3]));
    }
  }
  return samples;
}

test("a robot's figures are Prometheus text, in base units and without what was not measured", () => {
  const text = prometheusText({
    robotId: "arm-7",
    birth: { ...birth, model: 'a "model"\\\n' },
    isConnected: true,
    metrics: { ...metrics, ...vitals },
  });
  const samples = parse(text);
  assert.equal(samples.get("omp_inference_seconds robot=arm-7 quantile=0.99"), 0.0035);
  assert.equal(samples.get("omp_successes_total robot=arm-7"), metrics.successes);
  assert.equal(samples.get("omp_board_temperature_celsius robot=arm-7 zone=cpu-thermal"), 51.5);
  assert.equal(samples.has("omp_tick_lateness_seconds robot=arm-7 quantile=0.99"), false);
  assert.ok([...samples.keys()].some((key) => key.includes('model=a "model"\\\n')));
});

test("the endpoint serves a live robot on this machine only", { timeout: 30_000 }, async (t) => {
  const broker = await startBroker(t);
  const robot = await startRobot(t, broker.url);
  const endpoint = await PrometheusEndpoint.open({
    port: 0,
    sample: () => ({
      robotId: "arm-7",
      birth,
      isConnected: robot.isConnected,
      metrics: robot.newestMetrics,
    }),
  });
  t.after(() => endpoint.close());
  const url = `http://127.0.0.1:${endpoint.port}`;
  const scrape = async (): Promise<Map<string, number>> =>
    parse(await (await fetch(`${url}/metrics`)).text());
  assert.equal((await scrape()).get("omp_broker_connected robot=arm-7"), 1);
  robot.metrics(metrics);
  assert.equal((await scrape()).get("omp_inferences_total robot=arm-7"), metrics.inferences);
  assert.equal((await fetch(`${url}/`)).status, 404);
  assert.equal((await fetch(`${url}/metrics`, { method: "POST" })).status, 404);
  await broker.stop();
  await until(() => !robot.isConnected);
  assert.equal((await scrape()).get("omp_broker_connected robot=arm-7"), 0);
});

test("heat and throttling of the computer are read from its kernel", (t) => {
  const root = mkdtempSync(join(tmpdir(), "omp-board-"));
  t.after(() => {
    rmSync(root, { recursive: true });
  });
  assert.deepEqual(readBoard(root), { boardTemperatureC: {}, throttledBy: "" });
  for (const [path, text] of [
    ["thermal_zone0/type", "cpu-thermal"],
    ["thermal_zone0/temp", "71500"],
    ["cooling_device0/type", "cpufreq-cpu0"],
    ["cooling_device0/cur_state", "2"],
  ] as const) {
    const file = join(root, "sys/class/thermal", path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, `${text}\n`);
  }
  assert.deepEqual(readBoard(root), {
    boardTemperatureC: { "cpu-thermal": 71.5 },
    throttledBy: "cpufreq-cpu0",
  });
});

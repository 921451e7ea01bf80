import assert from "node:assert/strict";
import { test } from "node:test";

import { EmbeddedBroker } from "../../sdk/cli/embedded-broker.ts";
import { fleetLines, printable } from "../../sdk/cli/watch-table.ts";
import { isOmpError } from "../../sdk/src/errors.ts";
import { metrics, omp, startBroker, startRobot, startWatch, until } from "./fleet-fixture.ts";

const options = { timeout: 60_000 };

test("omp watch --once prints one full picture as JSON and as a table", options, async (t) => {
  const broker = await startBroker(t);
  const robot = await startRobot(t, broker.url);
  robot.state("running", [0.25, 0.05]);
  robot.metrics(metrics);
  const ticking = setInterval(() => {
    robot.state("running", [0.25, 0.05]);
  }, 50);
  t.after(() => {
    clearInterval(ticking);
  });

  const json = await omp("watch", "--once", "--json", "--broker", broker.url);
  assert.equal(json.code, 0, json.stderr);
  const robots: Record<string, unknown>[] = JSON.parse(json.stdout);
  const [seen, ...others] = robots;
  assert.equal(others.length, 0);
  assert.deepEqual(
    {
      robot: seen?.["robot"],
      status: seen?.["status"],
      loop_state: seen?.["loop_state"],
      joint_position: seen?.["joint_position"],
      successes: seen?.["successes"],
      inference_p99_ms: seen?.["inference_p99_ms"],
      tick_lateness_p99_ms: seen?.["tick_lateness_p99_ms"],
    },
    {
      robot: "arm-7",
      status: "online",
      loop_state: "running",
      joint_position: [0.25, 0.05],
      successes: 6,
      inference_p99_ms: 3.5,
      tick_lateness_p99_ms: null,
    },
  );

  const table = await omp("watch", "--once", "--robot", "arm-7", "--broker", broker.url);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /arm-7 +online +running +6\/7 +1\.25\/3\.50 ms +0\.10\/– ms/);
});

test(
  "omp watch --once fails clearly without a robot, a broker or a known option",
  options,
  async (t) => {
    const broker = await startBroker(t);
    const empty = await omp("watch", "--once", "--robot", "ghost", "--broker", broker.url);
    assert.equal(empty.code, 1);
    assert.match(empty.stderr, /no robot ghost was seen at mqtt:.* within 5 s\. Start one/);

    await broker.stop();
    const dead = await omp("watch", "--once", "--broker", broker.url);
    assert.equal(dead.code, 1);
    assert.match(dead.stderr, /LINK_OPEN_FAILED: the MQTT broker mqtt:\/\/127\.0\.0\.1:\d+/);

    const wrong = await omp("watch", "--onse");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /onse/);
  },
);

test("a robot's text cannot steer the terminal", options, async (t) => {
  assert.equal(printable("a\u001b[2Jb\r\n\u202Ec"), "a�[2Jb���c");
  const broker = await startBroker(t);
  const watch = await startWatch(t, broker.url);
  const robot = await startRobot(t, broker.url);
  robot.state("faulted", [0, 0], { reason: "link_lost", detail: "\u001b[31mgone", atMs: 0 });
  await until(() => watch.robot("arm-7")?.state !== undefined);
  assert.match(fleetLines(watch.robots()).join("\n"), /fault link_lost: �\[31mgone/);
});

test("the embedded broker says what is missing or in the way", options, async (t) => {
  await assert.rejects(
    EmbeddedBroker.start({}, () => Promise.reject(new Error("Cannot find package 'aedes'"))),
    (error) =>
      isOmpError(error, "TOOL_FAILED") && /npm install aedes.*--broker URL/.test(error.message),
  );
  const { port } = await startBroker(t);
  await assert.rejects(
    EmbeddedBroker.start({ port }),
    (error) =>
      isOmpError(error, "LINK_OPEN_FAILED") &&
      error.message.includes(`--broker mqtt://127.0.0.1:${port}`),
  );
  const other = await startBroker(t, { port, orFreePort: true });
  assert.notEqual(other.port, port);
});

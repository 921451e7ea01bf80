import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";

import { FleetWatch, RobotTelemetry } from "../../firmware-bridge/src/fleet/index.ts";
import { isOmpError } from "../../sdk/src/errors.ts";
import {
  birth,
  metrics,
  received,
  startBroker,
  startRobot,
  startWatch,
  until,
  Wire,
} from "./fleet-fixture.ts";

const options = { timeout: 30_000 };

test("birth, heartbeat, state, metrics and event arrive as they were told", options, async (t) => {
  const broker = await startBroker(t);
  const watch = await startWatch(t, broker.url);
  const robot = await startRobot(t, broker.url);
  const fault = { reason: "link_lost", detail: "the port is gone", atMs: 12.5 } as const;
  robot.heartbeat();
  robot.state("faulted", Float64Array.of(0.1234564, 0.05), fault);
  robot.metrics(metrics);
  robot.event("episode_finished", { success: true, steps: 41, ratio: Number.NaN });
  await until(() => {
    const seen = watch.robot("arm-7");
    return seen?.metrics !== undefined && seen.state !== undefined && seen.events.length > 0;
  });

  const seen = watch.robot("arm-7");
  assert.equal(seen?.status, "online");
  assert.deepEqual(seen.birth?.joints, birth.joints);
  assert.equal(seen.birth.birthSequence, 1);
  assert.ok(Math.abs(seen.birth.utcMs - Date.now()) < 60_000);
  assert.equal(seen.heartbeat?.sequence, 1);
  assert.equal(seen.state?.loopState, "faulted");
  assert.deepEqual(seen.state.jointPosition, [0.123456, 0.05]);
  assert.deepEqual(seen.state.fault, fault);
  const { sessionId, birthSequence, utcMs, monotonicMs, ...figures } = seen.metrics ?? {};
  assert.deepEqual({ ...figures, ...metrics }, figures);
  assert.equal(sessionId, seen.birth.sessionId);
  assert.equal(birthSequence, 1);
  assert.ok(Number.isFinite(utcMs) && Number.isFinite(monotonicMs));
  assert.deepEqual(seen.events[0]?.fields, { success: true, steps: 41, ratio: "NaN" });
  assert.equal(watch.counters.malformed, 0);
});

test("a watcher that comes later learns everything", options, async (t) => {
  const broker = await startBroker(t);
  const robot = await startRobot(t, broker.url);
  robot.state("idle", [0.5, 0.1]);
  robot.metrics(metrics);
  await until(() => robot.acknowledged >= 5);
  const watch = await startWatch(t, broker.url, { robotId: "arm-7" });
  await until(() => watch.robot("arm-7")?.birth !== undefined);
  assert.equal(watch.robot("arm-7")?.birth?.software, birth.software);
  await until(() => watch.robot("arm-7")?.state?.loopState === "idle");
  await until(() => watch.robot("arm-7")?.metrics?.successes === metrics.successes);
});

test(
  "a destroyed socket brings the last will; the robot comes back with a new birth",
  options,
  async (t) => {
    const broker = await startBroker(t);
    const wire = await Wire.start(t, broker.port);
    const watch = await startWatch(t, broker.url);
    const robot = await startRobot(t, wire.url);
    robot.state("running", [0, 0]);
    await until(() => watch.robot("arm-7")?.state !== undefined);
    const will = received(
      watch,
      (message) => message.kind === "status" && message.body.reason === "connection_lost",
    ).then(() => watch.robot("arm-7")?.offlineReason);
    wire.cut();
    assert.equal(await will, "connection_lost");

    await until(() => watch.robot("arm-7")?.status === "online");
    const back = watch.robot("arm-7");
    assert.equal(back?.birth?.birthSequence, 2);
    assert.deepEqual([back.reconnects, back.restarts], [1, 0]);
    assert.equal(robot.reconnects, 1);
    await until(() => watch.robot("arm-7")?.state?.birthSequence === 2);
  },
);

test("a clean goodbye is offline without a last will", options, async (t) => {
  const broker = await startBroker(t);
  const watch = await startWatch(t, broker.url);
  const reasons: string[] = [];
  watch.onMessage((message) => {
    if (message.kind === "status") reasons.push(message.body.reason);
  });
  const robot = await startRobot(t, broker.url);
  robot.metrics({ ...metrics, episodes: 20 });
  for (let i = 0; i < 30; i += 1) robot.event("last", { i });
  await robot.close();
  await until(() => watch.robot("arm-7")?.status === "offline");
  await (await startRobot(t, broker.url, { robotId: "arm-8" })).close();
  await until(() => watch.robot("arm-8")?.status === "offline");
  assert.deepEqual(reasons, ["online", "goodbye", "online", "goodbye"]);
  const left = watch.robot("arm-7");
  assert.equal(left?.offlineReason, "goodbye");
  assert.equal(left.metrics?.episodes, 20, "the last figures arrive before the goodbye");
  assert.equal(left.events.at(-1)?.fields["i"], 29, "so do the events");
  await robot.close();
});

test("another process of the same robot counts as a restart", options, async (t) => {
  const broker = await startBroker(t);
  const watch = await startWatch(t, broker.url);
  await (await startRobot(t, broker.url)).close();
  const robot = await startRobot(t, broker.url);
  await until(() => watch.robot("arm-7")?.restarts === 1);
  await until(() => watch.robot("arm-7")?.status === "online");
  assert.equal(watch.robot("arm-7")?.birth?.birthSequence, 1);
  assert.equal(robot.reconnects, 0);
});

test("a broker that is not there at the start is an error that names it", options, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  const brokerUrl = `mqtt://user:secret@127.0.0.1:${port}`;
  for (const attempt of [
    () => RobotTelemetry.connect({ brokerUrl, robotId: "arm-7", birth }),
    () => FleetWatch.connect({ brokerUrl }),
  ]) {
    await assert.rejects(attempt, (error) => {
      assert.ok(isOmpError(error, "LINK_OPEN_FAILED"));
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
      assert.match(error.message, /ECONNREFUSED.*Start a broker/s);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});

test("a port that accepts and never answers is an error in time", options, async (t) => {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => server.close());
  const address = server.address();
  const brokerUrl = `mqtt://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  await assert.rejects(
    RobotTelemetry.connect({ brokerUrl, robotId: "arm-7", birth, connectTimeoutMs: 200 }),
    (error) => isOmpError(error, "LINK_OPEN_FAILED"),
  );
});

test("wrong arguments are refused before anything is opened", options, async () => {
  const brokerUrl = "mqtt://127.0.0.1:1";
  const joints = Array.from({ length: 65 }, () => birth.joints[0] ?? assert.fail());
  for (const [wrong, text] of [
    [{ robotId: "arm/7" }, /robotId/],
    [{ brokerUrl: "127.0.0.1:1883" }, /mqtt:\/\/HOST:PORT/],
    [{ stateHz: 500 }, /stateHz/],
    [{ birth: { ...birth, joints } }, /joints/],
  ] as const) {
    await assert.rejects(
      RobotTelemetry.connect({ brokerUrl, robotId: "arm-7", birth, ...wrong }),
      (error) => isOmpError(error, "INVALID_ARGUMENT") && text.test(error.message),
    );
  }
});

test(
  "a broker that restarts gets a new birth and every event that it missed",
  options,
  async (t) => {
    const first = await startBroker(t);
    const robot = await startRobot(t, first.url);
    await until(() => robot.acknowledged >= 3);
    await first.stop();
    await until(() => !robot.isConnected);
    robot.event("while_the_broker_was_away", { n: 1 });
    robot.state("holding", [0.5, 0.1]);
    await until(() => robot.counters.statesDropped > 0);

    const second = await startBroker(t, { port: first.port });
    const watch = await startWatch(t, second.url);
    await until(() => {
      const seen = watch.robot("arm-7");
      return seen?.state?.birthSequence === 2 && seen.events.length > 0;
    });
    assert.equal(watch.robot("arm-7")?.state?.loopState, "holding");
    assert.equal(watch.robot("arm-7")?.events[0]?.name, "while_the_broker_was_away");
    await until(() => robot.pendingRecords === 0);
  },
);

test(
  "a broker that stalls costs dropped messages and a fixed amount of memory",
  options,
  async (t) => {
    const broker = await startBroker(t);
    const wire = await Wire.start(t, broker.port);
    const robot = await startRobot(t, wire.url, { stateHz: 50 });
    await until(() => robot.acknowledged >= 3);
    wire.stall();
    const acknowledged = robot.acknowledged;
    const text = "x".repeat(1000);
    for (let i = 0; i < 5000; i += 1) robot.event("flood", { i, text });
    assert.equal(robot.pendingRecords, 64);
    await until(() => {
      robot.state("running", [0, 0]);
      return robot.counters.statesDropped >= 10;
    });
    assert.equal(robot.pendingRecords, 64);
    assert.equal(robot.counters.eventsDropped, 5000 - 64);
    assert.equal(robot.acknowledged, acknowledged, "nothing was acknowledged while it stalled");
    await until(() => !robot.isConnected);
    assert.equal(robot.pendingRecords, 64, "the unanswered ping ended the connection");
  },
);

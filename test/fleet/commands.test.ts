import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test, type TestContext } from "node:test";

import { connectAsync, type MqttClient } from "mqtt";

import {
  commandTopic,
  encodeCommand,
  type EventBody,
  FleetOperator,
  type ResultBody,
  type RobotCommandOptions,
  type RobotTelemetry,
} from "../../firmware-bridge/src/fleet/index.ts";
import { isOmpError } from "../../sdk/src/errors.ts";
import { fuzzCommands } from "./command-fuzz.ts";
import { omp, startBroker, startRobot, until, Wire } from "./fleet-fixture.ts";

const options = { timeout: 60_000 };

interface Commanded {
  readonly robot: RobotTelemetry;
  readonly calls: string[];
}

async function startCommanded(
  t: TestContext,
  brokerUrl: string,
  handlers: Partial<RobotCommandOptions["handlers"]> = {},
): Promise<Commanded> {
  const calls: string[] = [];
  const robot = await startRobot(t, brokerUrl, {
    commands: {
      handlers: {
        stop: () => void calls.push("stop"),
        hold: () => void calls.push("hold"),
        rearm: () => void calls.push("rearm"),
        ...handlers,
      },
    },
  });
  robot.heartbeat();
  return { robot, calls };
}

async function startOperator(t: TestContext, brokerUrl: string): Promise<FleetOperator> {
  const operator = await FleetOperator.connect({ brokerUrl, issuer: "ops" });
  t.after(() => operator.close());
  await until(() => operator.watch.robot("arm-7")?.heartbeat !== undefined);
  return operator;
}

async function startStranger(t: TestContext, brokerUrl: string): Promise<MqttClient> {
  const client = await connectAsync(brokerUrl);
  t.after(() => client.endAsync(true));
  return client;
}

/** Every payload of the robot's command topic, in order. */
async function overhear(t: TestContext, brokerUrl: string): Promise<Buffer[]> {
  const payloads: Buffer[] = [];
  const client = await startStranger(t, brokerUrl);
  client.on("message", (_topic, payload) => payloads.push(payload));
  await client.subscribeAsync(commandTopic("arm-7"), { qos: 1 });
  return payloads;
}

function collect(operator: FleetOperator): { results: ResultBody[]; events: EventBody[] } {
  const seen = { results: [] as ResultBody[], events: [] as EventBody[] };
  operator.watch.onMessage((message) => {
    if (message.kind === "result") seen.results.push(message.body);
    if (message.kind === "event") seen.events.push(message.body);
  });
  return seen;
}

test("commands are executed and their results come back by id", options, async (t) => {
  const broker = await startBroker(t);
  const loading = new EventEmitter();
  const { robot, calls } = await startCommanded(t, broker.url, {
    rearm: () => {
      throw new Error("a cable is loose");
    },
    loadBundle: async ({ bundleHash }, progress) => {
      progress("half of it");
      await once(loading, "release");
      return `runs ${bundleHash.slice(0, 4)}`;
    },
  });
  const operator = await startOperator(t, broker.url);
  assert.equal((await operator.send("arm-7", { kind: "hold", arguments: {} })).outcome, "done");
  const failed = await operator.send("arm-7", { kind: "rearm", arguments: {} });
  assert.deepEqual([failed.outcome, failed.detail], ["failed", "a cable is loose"]);

  const progress: string[] = [];
  const bundle = { bundleHash: "ab".repeat(32), url: "" };
  const loaded = operator.send(
    "arm-7",
    { kind: "load_bundle", arguments: bundle },
    { progress: ({ detail }) => progress.push(detail) },
  );
  await until(() => progress.length > 0);
  const second = await operator.send("arm-7", { kind: "load_bundle", arguments: bundle });
  assert.equal(second.reason, "busy");
  assert.equal((await operator.stop("arm-7")).outcome, "done", "a stop waits for nothing");
  assert.deepEqual(calls, ["hold", "stop"]);
  loading.emit("release");
  assert.equal((await loaded).detail, "runs abab");
  assert.deepEqual(progress, ["half of it"]);

  const rate = { stateHz: 50, metricsPeriodMs: 100 };
  assert.equal(
    (await operator.send("arm-7", { kind: "set_rate", arguments: rate })).outcome,
    "done",
  );
  assert.deepEqual(robot.commandCounters, { executed: 5, refused: 1, unreported: 0 });
});

test(
  "duplicates, replays, retained and malformed commands are refused and told",
  options,
  async (t) => {
    const broker = await startBroker(t);
    const wire = await Wire.start(t, broker.port);
    const { robot, calls } = await startCommanded(t, wire.url);
    const operator = await startOperator(t, broker.url);
    const seen = collect(operator);
    const heard = await overhear(t, broker.url);
    const stranger = await startStranger(t, broker.url);
    const topic = commandTopic("arm-7");
    await operator.send("arm-7", { kind: "rearm", arguments: {} });
    assert.deepEqual(calls, ["rearm"]);
    const rearm = heard[0] ?? assert.fail();

    await stranger.publishAsync(topic, rearm, { qos: 1 });
    await until(() => seen.results.some(({ reason }) => reason === "duplicate"));
    await stranger.publishAsync(topic, "{}", { qos: 1 });
    await until(() => seen.events.some(({ fields }) => fields["reason"] === "malformed"));

    await stranger.publishAsync(topic, rearm, { qos: 1, retain: true });
    await until(() => robot.commandCounters.refused === 3);
    wire.cut();
    await until(() => robot.reconnects === 1 && robot.isConnected);
    await until(() => seen.results.some(({ reason }) => reason === "retained"));
    await stranger.publishAsync(topic, rearm, { qos: 1 });
    await until(() => seen.results.some(({ reason }) => reason === "stale_nonce"));
    assert.deepEqual(calls, ["rearm"], "nothing moved because of a reconnect");
  },
);

test(
  "a command that was recorded before a restart is refused by the next process",
  options,
  async (t) => {
    const broker = await startBroker(t);
    const first = await startCommanded(t, broker.url);
    const operator = await startOperator(t, broker.url);
    const heard = await overhear(t, broker.url);
    await operator.send("arm-7", { kind: "rearm", arguments: {} });
    await first.robot.close();
    const second = await startCommanded(t, broker.url);
    const stranger = await startStranger(t, broker.url);
    await stranger.publishAsync(commandTopic("arm-7"), heard[0] ?? assert.fail(), { qos: 1 });
    await until(() => second.robot.commandCounters.refused === 1);
    assert.deepEqual(second.calls, []);
  },
);

test(
  "what is sent while a robot is away is not executed when it comes back",
  options,
  async (t) => {
    const broker = await startBroker(t);
    const wire = await Wire.start(t, broker.port);
    const { robot, calls } = await startCommanded(t, wire.url);
    const operator = await startOperator(t, broker.url);
    wire.stall();
    const rearm = operator.send("arm-7", { kind: "rearm", arguments: {} }, { timeoutMs: 500 });
    await assert.rejects(rearm, (error) => isOmpError(error, "LINK_TIMEOUT"));
    await until(() => !robot.isConnected);
    await assert.rejects(
      operator.send("arm-7", { kind: "hold", arguments: {} }, { timeoutMs: 500 }),
      (error) => isOmpError(error, "LINK_REFUSED") || isOmpError(error, "LINK_TIMEOUT"),
    );
    assert.deepEqual(calls, []);
  },
);

test("a robot that allows no remote rearm says so", options, async (t) => {
  const broker = await startBroker(t);
  const robot = await startRobot(t, broker.url, {
    commands: { handlers: { stop: () => {} } },
  });
  const operator = await startOperator(t, broker.url);
  const result = await operator.send("arm-7", { kind: "rearm", arguments: {} });
  assert.deepEqual([result.outcome, result.reason], ["refused", "not_allowed"]);
  assert.equal(robot.commandCounters.executed, 0);
});

test("a stop needs to know nothing of the robot", options, async (t) => {
  const broker = await startBroker(t);
  const { calls } = await startCommanded(t, broker.url);
  const stranger = await startStranger(t, broker.url);
  const payload = encodeCommand({
    id: "stop-1",
    issuer: "anybody",
    robotId: "arm-7",
    nonce: "",
    expiresAtMs: 0,
    signature: undefined,
    kind: "stop",
    arguments: {},
  });
  await stranger.publishAsync(commandTopic("arm-7"), payload, { qos: 0 });
  await until(() => calls.length > 0);
  assert.deepEqual(calls, ["stop"]);
});

test("omp fleet sends commands and tells what became of them", options, async (t) => {
  const broker = await startBroker(t);
  const calls: string[] = [];
  await startRobot(t, broker.url, {
    commands: {
      handlers: { stop: () => void calls.push("stop"), hold: () => void calls.push("hold") },
    },
  });
  const at = ["--broker", broker.url];
  const held = await omp("fleet", "hold", "arm-7", ...at);
  assert.deepEqual([held.code, held.stdout], [0, "arm-7  hold  done\n"]);
  const rearmed = await omp("fleet", "rearm", "arm-7", ...at);
  assert.equal(rearmed.code, 1);
  assert.match(rearmed.stdout, /arm-7 {2}rearm {2}refused {2}not_allowed/);
  assert.equal((await omp("fleet", "rate", "arm-7", "--state-hz", "20", ...at)).code, 0);
  assert.equal((await omp("fleet", "rate", "arm-7", "--state-hz", "900", ...at)).code, 2);
  assert.equal((await omp("fleet", "stop", "all", ...at)).code, 0);
  assert.equal((await omp("fleet", "hold", ...at)).code, 2);
  const unknown = await omp("fleet", "hold", "arm-77", ...at);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stdout, /nothing was heard of it/);
  assert.deepEqual(calls, ["hold", "stop"]);
});

test("of thousands of hostile commands none is executed", options, async (t) => {
  const broker = await startBroker(t);
  const outcome = await fuzzCommands(broker, 4000, Math.floor(Math.random() * 2 ** 31));
  assert.equal(outcome.executedHostile, 0);
  assert.equal(outcome.executedGood, outcome.good);
  assert.ok(outcome.ways.size >= 21, [...outcome.ways.keys()].join(", "));
});

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { inspect, promisify } from "node:util";

import { connectAsync } from "mqtt";

import {
  commandTopic,
  FleetOperator,
  fleetTopicKinds,
  robotTopic,
  RobotTelemetry,
} from "../../firmware-bridge/src/fleet/index.ts";
import { createAuthority, createCertificate } from "../../sdk/cli/fleet/certificates.ts";
import { readCredentials } from "../../sdk/cli/fleet/broker-options.ts";
import { isOmpError } from "../../sdk/src/errors.ts";
import { mosquittoMissing } from "../support/mosquitto.ts";
import { fuzzCommands } from "./command-fuzz.ts";
import { birth, metrics, omp, until } from "./fleet-fixture.ts";
import { SecuredFleet } from "./secured-fleet.ts";

const options = { timeout: 60_000 };
const mosquittoSubMissing =
  spawnSync("mosquitto_sub", ["--help"]).error === undefined
    ? false
    : "no mosquitto_sub; on Debian: apt-get install mosquitto-clients";
const nothing = { stop: () => {} };

async function execFileText(program: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(program, args)).stdout;
}

/** Each test is a threat of SECURITY.md against what `omp fleet init` wrote. */
describe("a Mosquitto as omp fleet init sets it up", { skip: mosquittoMissing }, () => {
  let fleet: SecuredFleet;

  before(async () => {
    fleet = await SecuredFleet.start(["arm-1", "arm-2", "operator", "stolen", "arm-fuzz"]);
  });
  after(() => fleet.close());

  /** Topics of what an operator sees, until the broker has dealt with everything that `act` sent. */
  async function seenWhile(act: (done: () => Promise<void>) => Promise<void>): Promise<string[]> {
    const reader = await fleet.client(fleet.credentialsOf("operator", "operator"));
    const topics: string[] = [];
    reader.on("message", (topic, _payload, packet) => {
      if (!packet.retain) topics.push(topic);
    });
    await reader.subscribeAsync(
      fleetTopicKinds.map((kind) => `omp/v1/+/${kind}`),
      { qos: 1 },
    );
    const mark = await fleet.client(fleet.credentialsOf("robot", "arm-2"));
    await act(async () => {
      await mark.publishAsync("omp/v1/arm-2/event", "mark", { qos: 1 });
      await until(() => topics.includes("omp/v1/arm-2/event"));
    });
    return topics.filter((topic) => topic !== "omp/v1/arm-2/event");
  }

  test("open broker: nobody comes in without a certificate of this fleet", options, async () => {
    const plain = connectAsync(`mqtt://127.0.0.1:${fleet.broker.port}`, {
      reconnectPeriod: 0,
      connectTimeout: 3000,
    });
    await assert.rejects(plain);
    const { ca } = readCredentials(fleet.credentialsOf("robot", "arm-1"));
    const trust = ca === undefined ? {} : { ca };
    await assert.rejects(fleet.client(undefined, trust));
    const other = createCertificate(createAuthority("another fleet"), "arm-1", "client");
    await assert.rejects(
      fleet.client(undefined, { ...trust, key: other.key, cert: other.certificate }),
    );
    const broker = join(fleet.folder, "broker");
    const brokerAsRobot = {
      ...trust,
      key: await readFile(join(broker, "broker.key"), "utf8"),
      cert: await readFile(join(broker, "broker.crt"), "utf8"),
    };
    await assert.rejects(fleet.client(undefined, brokerAsRobot), "a broker's is no client's");
  });

  test(
    "false broker: a robot does not talk to one that its fleet did not sign",
    options,
    async () => {
      const credentials = readCredentials(fleet.credentialsOf("robot", "arm-1"));
      const ca = createAuthority("another fleet").certificate;
      await assert.rejects(
        RobotTelemetry.connect({
          brokerUrl: fleet.url,
          robotId: "arm-1",
          birth,
          credentials: { ...credentials, ca },
        }),
        (error) => isOmpError(error, "LINK_OPEN_FAILED"),
      );
    },
  );

  test("a robot speaks as itself only, whatever name it gives", options, async () => {
    const seen = await seenWhile(async (done) => {
      const robot = await fleet.client(fleet.credentialsOf("robot", "arm-1"), {
        username: "arm-2",
        password: "x",
        clientId: "omp-arm-2-telemetry",
      });
      for (const kind of fleetTopicKinds) {
        await robot.publishAsync(robotTopic("arm-2", kind), "{}", { qos: 1 });
      }
      await robot.publishAsync(robotTopic("arm-1", "event"), "{}", { qos: 1 });
      await done();
    });
    assert.deepEqual(seen, ["omp/v1/arm-1/event"]);
  });

  test(
    "only operators command: no robot, no watcher, no robot that is called operator",
    options,
    async () => {
      const robot = await fleet.robot("arm-2", { commands: { handlers: nothing } });
      const overheard: string[] = [];
      for (const folder of [
        fleet.credentialsOf("robot", "arm-1"),
        fleet.credentialsOf("robot", "operator"),
        fleet.credentialsOf("watcher", "wall"),
      ]) {
        const client = await fleet.client(folder);
        client.on("message", (topic) => overheard.push(topic));
        await client.subscribeAsync("omp/v1/+/command", { qos: 1 }).catch(() => {});
        await client.publishAsync(commandTopic("arm-2"), "{}", { qos: 1 });
      }
      const operator = await fleet.client(fleet.credentialsOf("operator", "operator"));
      await operator.publishAsync(commandTopic("arm-2"), "{}", { qos: 1 });
      await until(() => robot.commandCounters.refused > 0);
      assert.equal(robot.commandCounters.refused, 1, "the operator's alone arrived");
      assert.deepEqual(overheard, []);
      await robot.close();
    },
  );

  test("replay and retained motion command: refused, also after a reconnect", options, async () => {
    const calls: string[] = [];
    const robot = await fleet.robot("arm-1", {
      commands: { handlers: { ...nothing, rearm: () => void calls.push("rearm") } },
    });
    const operator = await fleet.operator();
    await until(() => operator.watch.robot("arm-1")?.heartbeat !== undefined);
    const recorder = await fleet.client(fleet.credentialsOf("robot", "arm-1"));
    const recorded: Buffer[] = [];
    recorder.on("message", (_topic, payload) => recorded.push(payload));
    await recorder.subscribeAsync(commandTopic("arm-1"), { qos: 1 });
    await operator.send("arm-1", { kind: "rearm", arguments: {} });
    await until(() => recorded.length > 0);

    const thief = await fleet.client(fleet.credentialsOf("operator", "operator"));
    const payload = recorded[0] ?? assert.fail();
    await thief.publishAsync(commandTopic("arm-1"), payload, { qos: 1, retain: true });
    await until(() => robot.commandCounters.refused === 1);
    await fleet.broker.kill();
    await until(() => !robot.isConnected);
    await fleet.broker.run();
    await until(() => robot.isConnected);
    const again = await fleet.client(fleet.credentialsOf("operator", "operator"));
    await again.publishAsync(commandTopic("arm-1"), payload, { qos: 1, retain: true });
    await until(() => robot.commandCounters.refused >= 2);
    await robot.close();
    const next = await fleet.robot("arm-1", {
      commands: { handlers: { ...nothing, rearm: () => void calls.push("rearm") } },
    });
    await until(() => next.commandCounters.refused >= 1);
    assert.deepEqual(calls, ["rearm"]);
    await again.publishAsync(commandTopic("arm-1"), "", { qos: 1, retain: true });
    await next.close();
  });

  test("oversized payload: the broker drops the sender, the robot goes on", options, async () => {
    let stops = 0;
    const robot = await fleet.robot("arm-1", {
      commands: { handlers: { stop: () => void (stops += 1) } },
    });
    const sender = await fleet.client(fleet.credentialsOf("operator", "operator"));
    sender.publish(commandTopic("arm-1"), Buffer.alloc(1_000_000, "x"), { qos: 1 });
    await until(() => !sender.connected);
    const second = await fleet.client(fleet.credentialsOf("operator", "operator"));
    await second.publishAsync(commandTopic("arm-1"), Buffer.alloc(60_000, "x"), { qos: 1 });
    await until(() => robot.commandCounters.refused === 1);
    const operator = await fleet.operator();
    assert.equal((await operator.stop("arm-1")).outcome, "done");
    assert.equal(stops, 1);
    await robot.close();
  });

  test(
    "stolen key: what was removed may do nothing, without a restart of the broker",
    options,
    async () => {
      const folder = fleet.credentialsOf("robot", "stolen");
      const thief = await fleet.client(folder);
      const stolen = readCredentials(folder);
      let seen = await seenWhile(async (done) => {
        await thief.publishAsync("omp/v1/stolen/event", "{}", { qos: 1 });
        await done();
      });
      assert.deepEqual(seen, ["omp/v1/stolen/event"]);
      assert.equal((await omp("fleet", "remove", fleet.folder, "stolen")).code, 0);
      fleet.broker.reload();
      // The broker deals with the signal at a time of its own.
      while (seen.length > 0) {
        seen = await seenWhile(async (done) => {
          const again = await fleet.client(undefined, stolen).catch(() => undefined);
          for (const client of [thief, again]) {
            await client?.publishAsync("omp/v1/stolen/event", "{}", { qos: 1 }).catch(() => {});
          }
          await done();
        });
      }
    },
  );

  test(
    "stolen operator's certificate: without the signing key it can stop and nothing else",
    options,
    async () => {
      const calls: string[] = [];
      const { publicKey, privateKey } = generateKeyPairSync("ed25519");
      const robot = await fleet.robot("arm-1", {
        commands: {
          issuerKeys: new Map([["ops", publicKey]]),
          handlers: {
            stop: () => void calls.push("stop"),
            hold: () => void calls.push("hold"),
            rearm: () => void calls.push("rearm"),
          },
        },
      });
      const thief = await fleet.operator();
      const operator = await fleet.operator({ privateKey });
      for (const { watch } of [thief, operator]) {
        await until(() => watch.robot("arm-1")?.heartbeat?.birthSequence === 1);
        await until(
          () =>
            watch.robot("arm-1")?.birth?.sessionId === watch.robot("arm-1")?.heartbeat?.sessionId,
        );
      }
      const refused = await thief.send("arm-1", { kind: "rearm", arguments: {} });
      assert.equal(refused.reason, "not_signed");
      assert.equal((await operator.send("arm-1", { kind: "hold", arguments: {} })).outcome, "done");
      assert.equal((await thief.stop("arm-1")).outcome, "done");
      assert.deepEqual(calls, ["hold", "stop"]);
      await robot.close();
    },
  );

  test(
    "a clock that is wrong by years: commands still expire, and still arrive",
    options,
    async () => {
      const robot = await fleet.robot("arm-1", {
        commands: { handlers: { ...nothing, hold: () => {} } },
        utcNowMs: () => Date.now() - 10 * 365 * 86_400_000,
      });
      const operator = await fleet.operator();
      await until(() => {
        const seen = operator.watch.robot("arm-1");
        return seen?.status === "online" && seen.heartbeat !== undefined;
      });
      const hold = { kind: "hold", arguments: {} } as const;
      assert.equal((await operator.send("arm-1", hold)).outcome, "done");
      const late = await operator.send("arm-1", hold, { lifetimeMs: -1, timeoutMs: 5000 });
      assert.equal(late.reason, "expired");
      await robot.close();
    },
  );

  test(
    "flood: of two thousand hostile commands none is executed, the good ones among them are",
    options,
    async () => {
      const credentials = readCredentials(fleet.credentialsOf("operator", "operator"));
      const robotCredentials = readCredentials(fleet.credentialsOf("robot", "arm-fuzz"));
      const outcome = await fuzzCommands(
        { url: fleet.url, credentials, robotCredentials },
        2000,
        7,
      );
      assert.equal(outcome.executedHostile, 0);
      assert.equal(outcome.executedGood, outcome.good);
    },
  );

  test(
    "secrets: not in output, errors, messages or the broker's log; keys are readable by their owner",
    options,
    async () => {
      const folder = fleet.credentialsOf("operator", "operator");
      const key = await readFile(join(folder, "client.key"), "utf8");
      const secrets = [key.split("\n")[1] ?? "", "hunter2"];
      const texts: string[] = [];
      const url = fleet.url.replace("//", "//ops:hunter2@");
      for (const run of [
        await omp("fleet", "stop", "arm-1", "--broker", url, "--credentials", folder),
        await omp("watch", "--once", "--broker", url, "--credentials", folder),
        await omp("watch", "--once", "--broker", "mqtts://ops:hunter2@127.0.0.1:1"),
        await omp("watch", "--once", "--broker", "http://ops:hunter2@127.0.0.1:1"),
        await omp("fleet", "add", fleet.folder, "arm-9"),
      ]) {
        texts.push(run.stdout, run.stderr);
      }
      const credentials = { ...readCredentials(folder), username: "ops", password: "hunter2" };
      const failure: unknown = await FleetOperator.connect({
        brokerUrl: "mqtts://ops:hunter2@127.0.0.1:1",
        credentials,
        issuer: "ops",
      }).catch((error: unknown) => error);
      assert.ok(failure instanceof Error);
      texts.push(inspect(failure, { depth: 20 }), JSON.stringify(failure));
      texts.push(await readFile(fleet.broker.logPath, "utf8"));
      for (const text of texts) {
        for (const secret of secrets) assert.ok(!text.includes(secret), text.slice(0, 500));
        assert.ok(!text.includes("PRIVATE KEY"), text.slice(0, 500));
      }
      for (const path of ["ca/ca.key", "broker/broker.key", "robot/arm-1/client.key"]) {
        assert.equal((await stat(join(fleet.folder, path))).mode & 0o077, 0, path);
      }
    },
  );

  test(
    "a standard tool reads the fleet without this code, with a watcher's certificate",
    { ...options, skip: mosquittoSubMissing },
    async () => {
      const robot = await fleet.robot("arm-1", {});
      const folder = fleet.credentialsOf("watcher", "wall");
      const where = `-h 127.0.0.1 -p ${fleet.broker.port} -t omp/v1/+/metrics -C 1 -F %t|%p`;
      const keys = `--cafile ${folder}/ca.crt --cert ${folder}/client.crt --key ${folder}/client.key`;
      const reader = execFileText("mosquitto_sub", [...where.split(" "), ...keys.split(" ")]);
      const telling = setInterval(() => {
        robot.metrics(metrics);
      }, 100);
      const [topic, payload = ""] = (await reader).split("|");
      clearInterval(telling);
      assert.equal(topic, "omp/v1/arm-1/metrics");
      const read: Readonly<Record<string, unknown>> = JSON.parse(payload);
      assert.equal(read["inference_p99_ms"], metrics.inferenceP99Ms);
      assert.equal(read["tick_lateness_p99_ms"], null);
      await robot.close();
    },
  );

  test("a half-open stranger that says nothing does not hold up the fleet", options, async () => {
    const sockets = Array.from({ length: 50 }, () => connect(fleet.broker.port, "127.0.0.1"));
    const robot = await fleet.robot("arm-1", {});
    robot.event("still_here", {});
    await until(() => robot.acknowledged >= 3);
    for (const socket of sockets) socket.destroy();
    await robot.close();
  });

  test(
    "omp fleet refuses what would lock robots out or name files it should not",
    options,
    async () => {
      assert.equal((await omp("fleet", "init", fleet.folder)).code, 1);
      assert.equal((await omp("fleet", "add", fleet.folder, "arm-1")).code, 1);
      assert.equal((await omp("fleet", "add", fleet.folder, "../arm")).code, 2);
      assert.equal((await omp("fleet", "remove", fleet.folder, "arm-77")).code, 1);
      assert.equal((await omp("fleet", "add", "/nowhere", "arm-1")).code, 1);
      assert.equal((await omp("fleet", "fly")).code, 2);
      assert.equal((await omp("fleet", "--help")).code, 0);
    },
  );
});

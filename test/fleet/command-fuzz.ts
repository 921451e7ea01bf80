import { generateKeyPairSync } from "node:crypto";

import { connectAsync } from "mqtt";

import {
  type BrokerCredentials,
  commandTopic,
  encodeCommand,
  FleetWatch,
  RobotTelemetry,
} from "../../firmware-bridge/src/fleet/index.ts";
import { createRandom } from "../../sdk/src/random.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { birth, until } from "./fleet-fixture.ts";
import { goodCommand, hostileCommand, type HostileContext } from "./hostile-commands.ts";

export interface FuzzOutcome {
  readonly hostile: number;
  readonly executedHostile: number;
  readonly good: number;
  readonly executedGood: number;
  readonly ways: ReadonlyMap<string, number>;
}

export interface FuzzedBroker {
  readonly url: string;
  /** Of an operator; of the robot. */
  readonly credentials?: BrokerCredentials;
  readonly robotCredentials?: BrokerCredentials;
}

const robotId = "arm-fuzz";
const batch = 500;
const bundle = { bundleHash: "ab".repeat(32), url: "" };

/** Sends hostile commands through a broker to a robot that takes every kind, with good ones among them. */
export async function fuzzCommands(
  broker: FuzzedBroker,
  count: number,
  seed: number,
  say: (line: string) => void = () => {},
): Promise<FuzzOutcome> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  /** Kinds, and the ids of bundles. */
  const calls: string[] = [];
  const note = (kind: string) => () => void calls.push(kind);
  const brokerUrl = broker.url;
  const { credentials = {} } = broker;
  const robot = await RobotTelemetry.connect({
    brokerUrl,
    credentials: broker.robotCredentials ?? {},
    robotId,
    birth,
    commands: {
      handlers: {
        stop: note("stop"),
        hold: note("hold"),
        rearm: note("rearm"),
        loadBundle: (_bundle, _progress, { id }) => {
          calls.push(id);
          return Promise.resolve("");
        },
      },
      issuerKeys: new Map([["ops", publicKey]]),
    },
  });
  const watch = await FleetWatch.connect({ brokerUrl, credentials, robotId });
  const attacker = await connectAsync(brokerUrl, { ...credentials });
  const random = createRandom(seed);
  const clock = new MonotonicClock();
  const topic = commandTopic(robotId);
  const executed: Buffer[] = [];
  const ways = new Map<string, number>();
  const goodIds = new Set<string>();
  let sent = 0;
  try {
    await until(() => watch.robot(robotId)?.birth !== undefined);
    while (sent < count) {
      const context: HostileContext = {
        robotId,
        nonce: watch.robot(robotId)?.birth?.commandNonce ?? "",
        issuer: "ops",
        privateKey,
        nowMs: clock.nowMs(),
        executed,
      };
      const good = goodCommand(context, { kind: "load_bundle", arguments: bundle });
      goodIds.add(good.id);
      const payload = Buffer.from(encodeCommand(good));
      executed.push(payload);
      if (executed.length > 100) executed.shift();
      await attacker.publishAsync(topic, payload, { qos: 1 });
      const size = Math.min(batch, count - sent);
      const sending: Promise<unknown>[] = [];
      for (let i = 0; i < size; i += 1) {
        const hostile = hostileCommand(context, random);
        ways.set(hostile.what, (ways.get(hostile.what) ?? 0) + 1);
        sending.push(attacker.publishAsync(topic, hostile.payload, { qos: 1 }));
      }
      sent += size;
      await Promise.all(sending);
      await until(() => total(robot) >= goodIds.size + sent);
      if (sent % 10_000 === 0)
        say(`${sent} hostile commands, ${calls.length - goodIds.size} executed`);
    }
    const executedGood = [...goodIds].filter((id) => calls.includes(id)).length;
    return {
      hostile: sent,
      executedHostile: calls.length - executedGood,
      good: goodIds.size,
      executedGood,
      ways,
    };
  } finally {
    await attacker.endAsync(true);
    await watch.close();
    await robot.close(200);
  }
}

function total({ commandCounters: { executed, refused } }: RobotTelemetry): number {
  return executed + refused;
}

import { generateKeyPairSync } from "node:crypto";

import { connectAsync } from "mqtt";

import {
  type BrokerCredentials,
  commandTopic,
  type CommandKind,
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

/** Sends hostile commands through a broker to a robot that takes every kind, with good ones among them. */
export async function fuzzCommands(
  broker: FuzzedBroker,
  count: number,
  seed: number,
  say: (line: string) => void = () => {},
): Promise<FuzzOutcome> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const calls: CommandKind[] = [];
  const note = (kind: CommandKind) => () => void calls.push(kind);
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
        loadBundle: async () => {
          calls.push("load_bundle");
          return "";
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
  const doneIds = new Set<string>();
  watch.onMessage((message) => {
    if (message.kind !== "result" || message.body.outcome !== "done") return;
    doneIds.add(message.body.commandId);
  });
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
      const good = goodCommand(context, { kind: "hold", arguments: {} });
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
    await until(() => doneIds.size >= Math.min(goodIds.size, calls.length));
    const executedGood = [...goodIds].filter((id) => doneIds.has(id)).length;
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

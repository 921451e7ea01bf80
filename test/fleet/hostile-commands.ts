import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";

import {
  type Command,
  type CommandEnvelope,
  type CommandRequest,
  encodeCommand,
  signCommand,
} from "../../firmware-bridge/src/fleet/index.ts";
import type { RandomStream } from "../../sdk/src/random.ts";

/** What a robot must not execute. */
export interface HostileCommand {
  readonly what: string;
  readonly payload: Buffer;
}

export interface HostileContext {
  readonly robotId: string;
  readonly nonce: string;
  readonly issuer: string;
  readonly privateKey: KeyObject;
  /** The robot's monotonic clock, ms. */
  readonly nowMs: number;
  /** Payloads that the robot has executed. */
  readonly executed: readonly Buffer[];
}

const requests: readonly CommandRequest[] = [
  { kind: "hold", arguments: {} },
  { kind: "rearm", arguments: {} },
  { kind: "load_bundle", arguments: { bundleHash: "5e".repeat(32), url: "http://x/" } },
  { kind: "set_rate", arguments: { stateHz: 10, metricsPeriodMs: 1000 } },
];
const stranger = generateKeyPairSync("ed25519").privateKey;
let commands = 0;

/** One that the robot should execute. */
export function goodCommand(context: HostileContext, request: CommandRequest): Command {
  commands += 1;
  const command: Command = {
    ...request,
    id: `c-${commands}`,
    issuer: context.issuer,
    robotId: context.robotId,
    nonce: context.nonce,
    expiresAtMs: context.nowMs + 30_000,
    signature: undefined,
  };
  return signCommand(command, context.privateKey);
}

/** Every way in which a command can be wrong, one of them at random. A stop that is only late is executed by design and not here. */
export function hostileCommand(context: HostileContext, random: RandomStream): HostileCommand {
  const pick = <T>(from: readonly T[]): T => {
    const picked = from[below(random, from.length)];
    assert.ok(picked !== undefined);
    return picked;
  };
  const good = goodCommand(context, pick(requests));
  const signed = (change: Partial<CommandEnvelope>): Buffer =>
    encode(signCommand({ ...good, ...change }, context.privateKey));
  const ways: Readonly<Record<string, () => Buffer>> = {
    "random bytes": () => bytes(random, below(random, 400)),
    "a flipped bit": () => flipped(encode(good), random),
    "cut short": () => encode(good).subarray(0, below(random, encode(good).length)),
    "a missing key": () => changed(good, (fields) => delete fields[pick(Object.keys(fields))]),
    "an unknown key": () => changed(good, (fields) => (fields["also"] = "rearm")),
    "a key of another type": () =>
      changed(good, (fields) => {
        fields[pick(Object.keys(fields))] = pick([null, [], true, -1, "", 1e308]);
      }),
    "an unknown kind": () =>
      changed(good, (fields) => (fields["kind"] = pick(["move", "STOP", ""]))),
    "a stop that is malformed": () =>
      changed({ ...good, kind: "stop", arguments: {} }, (fields) => (fields["id"] = "../x y")),
    "a stop for another robot": () =>
      encode({ ...good, kind: "stop", arguments: {}, robotId: "arm-other" }),
    "too large": () => Buffer.from(encode(good).toString() + " ".repeat(9000)),
    "another robot": () => signed({ robotId: "arm-other" }),
    "an earlier connection": () => signed({ nonce: "00".repeat(16) }),
    "no nonce": () => signed({ nonce: "" }),
    expired: () => signed({ expiresAtMs: context.nowMs - random.uniform(0, 1e9) }),
    "too long a life": () =>
      signed({ expiresAtMs: context.nowMs + 120_000 + random.uniform(0, 1e12) }),
    unsigned: () => encode({ ...good, signature: undefined }),
    "a stranger's signature": () => encode(signCommand(good, stranger)),
    "an unknown issuer": () => signed({ issuer: "mallory" }),
    "another request under the signature": () =>
      encode({ ...good, ...requests[(requests.findIndex(isKind(good)) + 1) % 4] }),
    "another id under the signature": () => encode({ ...good, id: `${good.id}x` }),
    "a replay": () => pick(context.executed),
  };
  const what = pick(Object.keys(ways));
  return { what, payload: ways[what]?.() ?? Buffer.alloc(0) };
}

function below(random: RandomStream, count: number): number {
  return Math.floor(random.uniform(0, count));
}

function isKind({ kind }: Command): (request: CommandRequest) => boolean {
  return (request) => request.kind === kind;
}

function encode(command: Command): Buffer {
  return Buffer.from(encodeCommand(command));
}

function changed(command: Command, change: (fields: Record<string, unknown>) => unknown): Buffer {
  const fields: Record<string, unknown> = JSON.parse(encodeCommand(command));
  change(fields);
  return Buffer.from(JSON.stringify(fields));
}

function bytes(random: RandomStream, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(random, 256)));
}

function flipped(payload: Buffer, random: RandomStream): Buffer {
  const copy = Buffer.from(payload);
  const at = below(random, copy.length);
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << below(random, 8)), at);
  return copy;
}

import { sign, verify, type KeyObject } from "node:crypto";

import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import { MessageFields } from "./message-fields.ts";

/** What a robot may be asked for. FLEET.md, section 5. */
export const commandKinds = ["hold", "rearm", "stop", "load_bundle", "set_rate"] as const;
export type CommandKind = (typeof commandKinds)[number];

/** The content-addressed bundle a robot shall run. */
export interface LoadBundleArguments {
  /** SHA-256 of the bundle, 64 lowercase hex digits. */
  readonly bundleHash: string;
  /** Where it can be had; empty when the robot already has it. */
  readonly url: string;
}

/** Telemetry rates. */
export interface SetRateArguments {
  /** States a second at most, 1 to 50. */
  readonly stateHz: number;
  /** ms between two metrics, 100 to 3_600_000. */
  readonly metricsPeriodMs: number;
}

interface ArgumentsByKind {
  /** The loop holds: it stops asking the policy and keeps the arm where it is. */
  readonly hold: Readonly<Record<string, never>>;
  /** Leaves a fault or a hold. The only command after which an arm may move. */
  readonly rearm: Readonly<Record<string, never>>;
  /** An emergency stop, latched. Always allowed. */
  readonly stop: Readonly<Record<string, never>>;
  readonly load_bundle: LoadBundleArguments;
  readonly set_rate: SetRateArguments;
}

/** What is asked for. */
export type CommandRequest = {
  [Kind in CommandKind]: { readonly kind: Kind; readonly arguments: ArgumentsByKind[Kind] };
}[CommandKind];

/** Who asks whom, and how long the question is good. */
export interface CommandEnvelope {
  /** 1 to 64 of A-Z a-z 0-9 . _ -, new for every command; the result names it. */
  readonly id: string;
  /** 1 to 64 of A-Z a-z 0-9 . _ -; the name of the key where commands are signed. */
  readonly issuer: string;
  /** The robot that is meant; it refuses a command for another one. */
  readonly robotId: string;
  /** `command_nonce` of the robot's newest birth: a command is good for one connection. */
  readonly nonce: string;
  /** On the robot's monotonic clock, ms, so that no clock has to be set right. */
  readonly expiresAtMs: number;
  /** Ed25519 over `commandText`, base64; undefined when the command is not signed. */
  readonly signature: string | undefined;
}

export type Command = CommandEnvelope & CommandRequest;

/** Why a command was not executed. */
export const commandRefusals = [
  "malformed",
  "too_large",
  "retained",
  "foreign",
  "stale_nonce",
  "expired",
  "lifetime_too_long",
  "duplicate",
  "not_signed",
  "bad_signature",
  "not_allowed",
  "not_supported",
  "busy",
] as const;
export type CommandRefusal = (typeof commandRefusals)[number];

/**
 * What became of a command. `running` may come any number of times; one of the others comes last. A `refused` result with the
 * reason `duplicate` is about a copy, not about the command.
 */
export interface CommandResult {
  readonly commandId: string;
  readonly issuer: string;
  readonly command: CommandKind;
  readonly outcome: "running" | "done" | "failed" | "refused";
  /** Of `refused`; empty otherwise. */
  readonly reason: CommandRefusal | "";
  /** For people, at most 1000 characters. */
  readonly detail: string;
}

/** A longer payload is refused unread. */
export const maxCommandBytes: number = 8192;

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const hashPattern = /^[0-9a-f]{64}$/;
const envelopeKeys = ["id", "issuer", "robot_id", "nonce", "expires_at_ms", "kind", "arguments"];

/** The JSON text of a payload. */
export function encodeCommand(command: Command): string {
  const { id, issuer, kind } = command;
  return JSON.stringify({
    id,
    issuer,
    robot_id: command.robotId,
    nonce: command.nonce,
    expires_at_ms: command.expiresAtMs,
    kind,
    arguments: wireArguments(command),
    ...(command.signature !== undefined && { signature: command.signature }),
  });
}

/**
 * Strict: unlike telemetry, a command with an unknown key is refused, because a robot must not do half of what was asked.
 *
 * @throws {OmpError} INVALID_ARGUMENT; JSON and UTF-8 errors come as they are
 */
export function parseCommand(payload: Uint8Array): Command {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  const value: unknown = JSON.parse(text);
  const fields = new MessageFields(value, "command");
  fields.allow([...envelopeKeys, "signature"]);
  const envelope: CommandEnvelope = {
    id: fields.matching("id", idPattern),
    issuer: fields.matching("issuer", idPattern),
    robotId: fields.matching("robot_id", idPattern),
    nonce: fields.string("nonce", 64),
    expiresAtMs: fields.number("expires_at_ms"),
    signature: fields.has("signature") ? fields.string("signature", 128) : undefined,
  };
  const request = parseRequest(
    fields.literal("kind", commandKinds),
    new MessageFields(fields.value("arguments"), "command.arguments"),
  );
  return { ...envelope, ...request };
}

/** What is signed: one JSON array of everything the robot acts on, in a fixed order. */
export function commandText(command: Command): string {
  const { robotId, id, issuer, nonce, expiresAtMs, kind } = command;
  const args = wireArguments(command);
  return JSON.stringify(["omp-command-1", robotId, id, issuer, nonce, expiresAtMs, kind, args]);
}

/** @param privateKey Ed25519 */
export function signCommand(command: Command, privateKey: KeyObject): Command {
  const signature = sign(null, Buffer.from(commandText(command)), privateKey).toString("base64");
  return { ...command, signature };
}

/** Never throws. */
export function hasValidSignature(command: Command, publicKey: KeyObject): boolean {
  if (command.signature === undefined) return false;
  const signature = Buffer.from(command.signature, "base64");
  // One way to write it only: a copy with another spelling is no other command.
  if (signature.length !== 64 || signature.toString("base64") !== command.signature) return false;
  return verify(null, Buffer.from(commandText(command)), publicKey, signature);
}

function parseRequest(kind: CommandKind, fields: MessageFields): CommandRequest {
  switch (kind) {
    case "load_bundle":
      fields.allow(["bundle_hash", "url"]);
      return {
        kind,
        arguments: {
          bundleHash: fields.matching("bundle_hash", hashPattern),
          url: fields.string("url", 2000),
        },
      };
    case "set_rate": {
      fields.allow(["state_hz", "metrics_period_ms"]);
      const stateHz = fields.number("state_hz");
      const metricsPeriodMs = fields.number("metrics_period_ms");
      requireRange("state_hz", stateHz, 1, 50);
      requireRange("metrics_period_ms", metricsPeriodMs, 100, 3_600_000);
      return { kind, arguments: { stateHz, metricsPeriodMs } };
    }
    case "hold":
    case "rearm":
    case "stop":
      break;
  }
  fields.allow([]);
  return { kind, arguments: {} };
}

function wireArguments(request: CommandRequest): Readonly<Record<string, string | number>> {
  switch (request.kind) {
    case "load_bundle":
      return { bundle_hash: request.arguments.bundleHash, url: request.arguments.url };
    case "set_rate":
      return {
        state_hz: request.arguments.stateHz,
        metrics_period_ms: request.arguments.metricsPeriodMs,
      };
    case "hold":
    case "rearm":
    case "stop":
      break;
  }
  return {};
}

function requireRange(key: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: `command.arguments.${key} is out of range`,
    observed: String(value),
    expected: `${min} to ${max}`,
  });
}

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { type Command, encodeCommand, signCommand } from "./command.ts";
import { CommandGate, maxCommandLifetimeMs, type Verdict } from "./command-gate.ts";

const nonce = "0123456789abcdef";
const command: Command = {
  id: "c-1",
  issuer: "ops",
  robotId: "arm-7",
  nonce,
  expiresAtMs: 10_000,
  signature: undefined,
  kind: "hold",
  arguments: {},
};

function gate(rules: Partial<ConstructorParameters<typeof CommandGate>[0]> = {}): CommandGate {
  const made = new CommandGate({
    robotId: "arm-7",
    allowed: new Set(["stop", "hold", "rearm"]),
    ...rules,
  });
  made.startConnection(nonce);
  return made;
}

function judge(at: CommandGate, one: object, isRetained = false, nowMs = 9000): string {
  const payload = Buffer.from(encodeCommand({ ...command, ...one }));
  return reason(at.judge(payload, isRetained, nowMs));
}

function reason(verdict: Verdict): string {
  return verdict.isAccepted ? "accepted" : verdict.reason;
}

test("a command is executed once, in time, on its connection, by its robot", () => {
  const at = gate();
  assert.equal(judge(at, {}), "accepted");
  assert.equal(judge(at, {}), "duplicate");
  assert.equal(judge(at, { id: "c-2" }, true), "retained");
  assert.equal(judge(at, { id: "c-2", robotId: "arm-8" }), "foreign");
  assert.equal(judge(at, { id: "c-2", nonce: "" }), "stale_nonce");
  assert.equal(judge(at, { id: "c-2" }, false, 10_000), "expired");
  assert.equal(
    judge(at, { id: "c-2", expiresAtMs: 9001 + maxCommandLifetimeMs }),
    "lifetime_too_long",
  );
  const setRate = { kind: "set_rate", arguments: { stateHz: 1, metricsPeriodMs: 1000 } };
  assert.equal(judge(at, { id: "c-2", ...setRate }), "not_allowed");
  assert.equal(judge(at, { id: "c-2" }), "accepted", "a refused id is not used up");
  at.startConnection("another nonce");
  assert.equal(judge(at, { id: "c-3" }), "stale_nonce");
});

test("a stop is executed late, of another connection and unsigned, and once", () => {
  const { publicKey } = generateKeyPairSync("ed25519");
  const at = gate({ issuerKeys: new Map([["ops", publicKey]]) });
  const stop = { kind: "stop", nonce: "", expiresAtMs: -1 };
  assert.equal(judge(at, stop), "accepted");
  assert.equal(judge(at, stop), "duplicate");
  at.startConnection("another nonce");
  assert.equal(judge(at, stop), "duplicate");
  assert.equal(judge(at, { ...stop, id: "s-2" }, true), "retained");
  assert.equal(judge(at, { ...stop, id: "s-2", robotId: "arm-8" }), "foreign");
});

test("where keys are given, every part of a command is under the signature", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const at = gate({ issuerKeys: new Map([["ops", publicKey]]) });
  const signed = signCommand(command, privateKey);
  for (const change of [
    { id: "c-9" },
    { expiresAtMs: 10_001 },
    { kind: "rearm" },
    { signature: signed.signature?.replace(/.==$/, "B==") },
    { signature: ` ${signed.signature}` },
  ]) {
    assert.equal(judge(at, { ...signed, ...change }), "bad_signature", JSON.stringify(change));
  }
  assert.equal(judge(at, { ...signed, signature: undefined }), "not_signed");
  assert.equal(judge(at, { ...signed, issuer: "eve" }), "bad_signature");
  assert.equal(judge(at, signed), "accepted");
});

test("what is remembered is bounded, and a full memory lets stops through only", () => {
  const at = gate();
  for (let i = 0; i < 4096; i += 1) assert.equal(judge(at, { id: `c-${i}` }), "accepted");
  assert.equal(judge(at, { id: "one-more" }), "busy");
  assert.equal(judge(at, { id: "s", kind: "stop" }), "accepted");
  assert.equal(judge(at, { id: "one-more", expiresAtMs: 20_000 }, false, 10_001), "accepted");
});

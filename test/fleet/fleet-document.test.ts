import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  encodeBody,
  fleetTopicKinds,
  parseFleetMessage,
} from "../../firmware-bridge/src/fleet/index.ts";
import { FaultReason } from "../../sdk/src/faults.ts";
import { repositoryPath } from "../support/repository.ts";
import { birth, commandNonce, metrics, vitals } from "./fleet-fixture.ts";

const stamp = { sessionId: "a", birthSequence: 1, utcMs: 2, monotonicMs: 3 };
const fault = { reason: FaultReason.LinkLost, detail: "gone", atMs: 4 };
const payloads = {
  birth: encodeBody("birth", { ...stamp, commandNonce, ...birth }),
  status: encodeBody("status", {
    sessionId: "a",
    birthSequence: 1,
    online: false,
    reason: "goodbye",
  }),
  heartbeat: encodeBody("heartbeat", { ...stamp, sequence: 1, loopAgeMs: 5, dropped: 0 }),
  state: encodeBody("state", { ...stamp, loopState: "faulted", jointPosition: [0], fault }),
  metrics: encodeBody("metrics", { ...stamp, ...metrics, ...vitals }),
  event: encodeBody("event", { ...stamp, sequence: 1, name: "n", fields: {} }),
  result: encodeBody("result", {
    ...stamp,
    sequence: 1,
    commandId: "c",
    issuer: "i",
    command: "hold",
    outcome: "done",
    reason: "",
    detail: "",
  }),
  bundle: encodeBody("bundle", {
    ...stamp,
    groups: ["lab"],
    committed: "a".repeat(64),
    bundleId: "b",
    bundleVersion: "1.0.0",
    fallback: "",
    phase: "idle",
    candidate: "",
    progress: 0,
    last: { hash: "a".repeat(64), outcome: "healthy", detail: "" },
  }),
  history: encodeBody("history", { ...stamp, sequence: 1, state: null, metrics: null }),
};

/** The keys of the tables below `### kind`. */
function documentedKeys(kind: string): string[] {
  const text = readFileSync(repositoryPath("firmware-bridge", "FLEET.md"), "utf8");
  const section = text.split(`\n### ${kind}\n`)[1]?.split(/\n##/)[0] ?? "";
  return [...section.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1] ?? "");
}

/** Objects with names of the sender's own. */
const named = new Set(["fields", "versions", "board_temperature_c"]);

/** Every key of an object and of the objects inside. */
function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap(keysOf))];
  if (typeof value !== "object" || value === null) return [];
  return [
    ...Object.keys(value),
    ...Object.entries(value).flatMap(([key, one]) => (named.has(key) ? [] : keysOf(one))),
  ];
}

for (const kind of fleetTopicKinds) {
  test(`FLEET.md names exactly the keys of ${kind}, and each is required`, () => {
    const payload: Readonly<Record<string, unknown>> = JSON.parse(payloads[kind]);
    assert.deepEqual(documentedKeys(kind).sort(), keysOf(payload).sort());
    for (const key of Object.keys(payload)) {
      const { [key]: _left, ...rest } = payload;
      const message = parseFleetMessage(`omp/v1/arm-7/${kind}`, Buffer.from(JSON.stringify(rest)));
      assert.equal(message.kind, "malformed", key);
    }
  });
}

import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { test } from "node:test";

import { PtyFirmware, ptyFirmwareSkip } from "../conformance/pty-firmware.ts";
import { PtyPeer } from "../support/pty-peer.ts";
import { repositoryPath } from "../support/repository.ts";

const skip = process.platform === "linux" ? (ptyFirmwareSkip ?? false) : "Linux only";

function doctor(...args: readonly string[]): SpawnSyncReturns<string> {
  const omp = repositoryPath("dist", "sdk", "cli", "omp.js");
  return spawnSync(process.execPath, [omp, "doctor", ...args], { encoding: "utf8" });
}

test("a controller that answers HELLO is timed, by either driver", { skip }, async () => {
  const firmware = await PtyFirmware.start();
  try {
    for (const driver of ["linux-tty", "serialport"]) {
      const { stdout, status } = doctor("--serial", firmware.path, "--json", "--driver", driver);
      assert.equal(status, 0, stdout);
      const [{ path, round_trip: roundTrip }] = JSON.parse(stdout);
      assert.match(path, /^\/dev\/pts\//);
      assert.equal(roundTrip.probes, 200);
      assert.equal(roundTrip.lost, 0);
      assert.equal(roundTrip.joints.length, 6);
      assert.ok(roundTrip.p50_ms > 0 && roundTrip.p50_ms <= roundTrip.p99_ms);
    }
    const { stdout } = doctor("--serial", firmware.path);
    assert.match(stdout, /ok +round trip: median [\d.]+ ms, p99 [\d.]+ ms of 200 probes/);
  } finally {
    await firmware.close();
  }
});

test("a port on which nobody answers is a problem with a next step", { skip }, async () => {
  const peer = new PtyPeer();
  await peer.plug();
  try {
    const { stdout, status } = doctor("--serial", peer.path);
    assert.equal(status, 1);
    assert.match(stdout, /problem +round trip: LINK_HANDSHAKE_FAILED.*Check the port/);
  } finally {
    peer.close();
  }
});

test(
  "without a port it lists and opens nothing; a port that is not there is named",
  { skip },
  () => {
    const listed: unknown = JSON.parse(doctor("--serial", "--json").stdout);
    assert.ok(Array.isArray(listed));
    for (const port of listed) assert.equal(port.round_trip, null);
    const missing = doctor("--serial", "/dev/omp-nothing");
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /LINK_OPEN_FAILED: there is no \/dev\/omp-nothing/);
    assert.equal(doctor("/dev/omp-nothing").status, 2);
    assert.equal(doctor("--serial", "--baud", "7").status, 2);
  },
);

test("without a choice it looks at the computer and at its ports", { skip }, () => {
  const { stdout, stderr } = doctor("--json", "--jitter-s", "1");
  const { host, serial } = JSON.parse(stdout);
  assert.ok(Array.isArray(serial), stderr);
  assert.equal(host.jitter.count, 1000, "one instant a millisecond");
  const counts: readonly { readonly count: number }[] = host.jitter.histogram;
  assert.equal(
    counts.reduce((sum, { count }) => sum + count, 0),
    1000,
  );
  const checks = new Set(host.findings.map(({ check }: { readonly check: string }) => check));
  for (const check of ["board", "kernel", "real_time", "jitter", "inference", "disk"]) {
    assert.ok(checks.has(check), check);
  }
  const cpu = host.providers.find(({ name }: { readonly name: string }) => name === "cpu");
  assert.ok(cpu.is_usable && cpu.p50_ms > 0, JSON.stringify(cpu));
});

test("the computer alone, for people", { skip }, () => {
  const { stdout } = doctor("--host", "--jitter-s", "1");
  assert.match(stdout, /^this computer\n/);
  assert.match(stdout, /^ {2}ok +inference: cpu answers right, [\d.]+ ms a chunk/m);
  assert.match(stdout, /jitter: .* wakes up late by [\d.]+ ms \(p50\)/);
  assert.doesNotMatch(stdout, /serial port/);
  assert.equal(doctor("--host", "--jitter-s", "0").status, 2);
});

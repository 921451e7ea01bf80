import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { openSerialLink, type SerialDriver } from "../../firmware-bridge/src/serial.ts";
import { MessageType } from "../../firmware-bridge/src/protocol/constants.ts";
import { FrameDecoder } from "../../firmware-bridge/src/protocol/frame-decoder.ts";
import { openSerialTransport } from "../../firmware-bridge/src/transport/serial-transport.ts";
import { defaultWriteBounds } from "../../firmware-bridge/src/transport/write-queue.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { PtyPeer } from "../support/pty-peer.ts";

const clock = new MonotonicClock();
let peer: PtyPeer;

beforeEach(async () => {
  peer = new PtyPeer();
  await peer.plug();
});
afterEach(() => {
  peer.close();
});

async function until(isTrue: () => boolean): Promise<void> {
  const limitMs = clock.nowMs() + 10_000;
  while (!isTrue()) {
    assert.ok(clock.nowMs() < limitMs, "in ten seconds");
    await sleep(2);
  }
}

test("a port that is not there is named, with the ports that are", async () => {
  await assert.rejects(
    openSerialLink({ clock, path: "/dev/omp-nothing" }),
    /LINK_OPEN_FAILED.*\/dev\/omp-nothing.*present:.*by-id/s,
  );
});

/** What a pty's far end has in its own buffer is not the host's any more. */
const ptyReceiveBytes = 4096;
const drivers: readonly SerialDriver[] = ["serialport", "linux-tty"];
for (const [holder, other] of drivers.flatMap((a) => drivers.map((b) => [a, b] as const))) {
  test(`a port that ${holder} holds is refused to ${other}, with its holder, and free after close`, async () => {
    const transport = await openSerialTransport({ clock, path: peer.path, driver: holder });
    await assert.rejects(openSerialTransport({ clock, path: peer.path, driver: other }), {
      code: "LINK_OPEN_FAILED",
      message: new RegExp(`lock.*held by .*\\(pid ${process.pid}\\)`, "i"),
    });
    await transport.close();
    const next = await openSerialTransport({ clock, path: peer.path, driver: other });
    await next.close();
  });
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

test("linux-tty lets go of every descriptor, closed or unplugged", async () => {
  const before = openDescriptors();
  for (let cycle = 0; cycle < 5; cycle++) {
    const transport = await openSerialTransport({ clock, path: peer.path, driver: "linux-tty" });
    if (cycle % 2 === 0) await transport.close();
    else {
      await peer.unplug();
      await until(() => !transport.isOpen);
      await transport.close();
      await peer.plug();
    }
  }
  assert.equal(openDescriptors(), before);
});

test("linux-tty refuses what is no terminal, and a rate it cannot set", async () => {
  await assert.rejects(
    openSerialTransport({ clock, path: "/dev/null", driver: "linux-tty" }),
    /LINK_OPEN_FAILED.*not a terminal/,
  );
  await assert.rejects(
    openSerialTransport({ clock, path: peer.path, driver: "linux-tty", baudRate: 250_000 }),
    /INVALID_ARGUMENT.*250000.*921600.*serialport/,
  );
});

test("a rate that linux-tty cannot set is opened by serialport", async () => {
  const transport = await openSerialTransport({ clock, path: peer.path, baudRate: 250_000 });
  assert.equal(transport.isOpen, true);
  await transport.close();
});

test("what arrived before the port was opened is not delivered", async () => {
  for (const driver of drivers) {
    await peer.write(Uint8Array.of(1, 2, 3));
    const transport = await openSerialTransport({ clock, path: peer.path, driver });
    const heard: number[] = [];
    transport.onData((bytes) => heard.push(...bytes));
    await peer.write(Uint8Array.of(4));
    await until(() => heard.length > 0);
    assert.deepEqual(heard, [4], driver);
    await transport.close();
  }
});

for (const driver of drivers) {
  test(`${driver} drops on close what the kernel holds for a peer that does not read`, async () => {
    const transport = await openSerialTransport({ clock, path: peer.path, driver });
    const block = new Uint8Array(4000).fill(1);
    let taken = 0;
    while (transport.write(block, 0, block.length)) taken += block.length;
    const elsewhere = defaultWriteBounds.maxPendingBytes + ptyReceiveBytes;
    assert.ok(taken > elsewhere, `the kernel took only ${taken} bytes`);
    await transport.close();
    const received = await peer.read();
    assert.ok(received.length <= ptyReceiveBytes, `${received.length} bytes arrived`);
  });
}

for (const driver of drivers) {
  test(`${driver} notices an unplug right behind what it read, every time`, async () => {
    for (let cycle = 0; cycle < 15; cycle++) {
      const transport = await openSerialTransport({ clock, path: peer.path, driver });
      const writing = peer.write(Uint8Array.of(1, 2, 3));
      await Promise.all([writing, peer.unplug()]);
      await until(() => !transport.isOpen);
      await transport.close();
      await peer.plug();
    }
  });
}

test("a reconnect begins with a delimiter and HELLO of a new session", async () => {
  const sessions = new Set<number>();
  for (let connect = 0; connect < 3; connect++) {
    const connecting = assert.rejects(
      openSerialLink({ clock, path: peer.path, handshakeTimeoutMs: 200 }),
      { code: "LINK_HANDSHAKE_FAILED" },
    );
    await connecting;
    const bytes = await peer.read();
    assert.equal(bytes[0], 0);
    const types: number[] = [];
    const decoder = new FrameDecoder((type, _seq, payload) => {
      types.push(type);
      sessions.add(payload.getUint32(4, true));
    });
    decoder.push(bytes);
    assert.deepEqual(new Set(types), new Set([MessageType.Hello]));
    await peer.unplug();
    await peer.plug();
  }
  assert.equal(sessions.size, 3);
  assert.ok(!sessions.has(0));
});

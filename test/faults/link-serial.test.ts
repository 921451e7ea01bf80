import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { openSerialLink } from "../../firmware-bridge/src/serial.ts";
import { MessageType } from "../../firmware-bridge/src/protocol/constants.ts";
import { FrameDecoder } from "../../firmware-bridge/src/protocol/frame-decoder.ts";
import { openSerialTransport } from "../../firmware-bridge/src/transport/serial-transport.ts";
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

test("bytes pass both ways, raw", async () => {
  const transport = await openSerialTransport({ clock, path: peer.path });
  const received: number[] = [];
  transport.onData((bytes) => received.push(...bytes));
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.equal(transport.write(all, 0, 256), true);
  assert.deepEqual([...(await peer.read())], [...all]);
  await peer.write(all);
  await until(() => received.length >= 256);
  assert.deepEqual(received, [...all]);
  await transport.close();
});

test("a port that is not there is named, with the ports that are", async () => {
  await assert.rejects(
    openSerialLink({ clock, path: "/dev/omp-nothing" }),
    /LINK_OPEN_FAILED.*\/dev\/omp-nothing.*present:.*by-id/s,
  );
});

test("a port somebody else holds is refused", async () => {
  const transport = await openSerialTransport({ clock, path: peer.path });
  await assert.rejects(openSerialTransport({ clock, path: peer.path }), {
    code: "LINK_OPEN_FAILED",
  });
  await transport.close();
});

test("an unplug closes the transport with its reason, and what waited is never delivered", async () => {
  const transport = await openSerialTransport({ clock, path: peer.path });
  transport.onData(() => {});
  const reasons: string[] = [];
  transport.onClose((reason) => reasons.push(reason));
  const stale = new Uint8Array(250).fill(0xaa);
  while (transport.write(stale, 0, stale.length));
  await peer.unplug();
  await until(() => reasons.length > 0);
  assert.equal(transport.isOpen, false);
  assert.equal(transport.write(stale, 0, 1), false);
  assert.match(reasons.join(), /controller.*(unplugged|cannot be written)/);

  await peer.plug();
  const fresh = await openSerialTransport({ clock, path: peer.path });
  assert.equal(fresh.write(Uint8Array.of(1, 2, 3), 0, 3), true);
  await sleep(100);
  assert.deepEqual([...(await peer.read())], [1, 2, 3]);
  assert.equal(transport.write(stale, 0, 1), false, "the old object stays closed");
  await fresh.close();
  await transport.close();
  assert.equal(reasons.length, 1);
});

test("a peer that does not read fills a bounded queue whose content grows old and is dropped", async () => {
  const transport = await openSerialTransport({
    clock,
    path: peer.path,
    bounds: { maxPendingBytes: 1000, maxPendingAgeMs: 20 },
  });
  const received: number[] = [];
  transport.onData((bytes) => received.push(...bytes));
  const frame = new Uint8Array(100).fill(7);
  let taken = 0;
  // The kernel goes on making room for a while after its buffer looked full.
  await until(() => {
    while (transport.write(frame, 0, 100)) taken++;
    return transport.writesDropped > 0;
  });
  await peer.write(Uint8Array.of(9));
  await until(() => received.length > 0);
  assert.deepEqual(received, [9], "reading goes on while the line is full");
  await sleep(50);
  const marker = Uint8Array.of(1, 2, 3, 4);
  assert.equal(transport.write(marker, 0, 4), true, "old writes made room");
  const delivered = [...(await peer.read()), ...(await peer.read())];
  assert.deepEqual(delivered.slice(-4), [...marker]);
  assert.equal((delivered.length - 4) % 100, 0, "no write was cut");
  assert.equal((delivered.length - 4) / 100 + transport.writesDropped, taken);
  await transport.close();
});

test("discardPending lets the next write go first", async () => {
  const transport = await openSerialTransport({ clock, path: peer.path });
  const frame = new Uint8Array(100).fill(7);
  while (transport.write(frame, 0, 100));
  transport.discardPending();
  assert.equal(transport.write(Uint8Array.of(5), 0, 1), true);
  const delivered = [...(await peer.read()), ...(await peer.read())];
  assert.equal(delivered.at(-1), 5);
  assert.equal((delivered.length - 1) % 100, 0);
  await transport.close();
});

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

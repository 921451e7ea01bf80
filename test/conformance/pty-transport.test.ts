import { setTimeout as sleep } from "node:timers/promises";

import {
  openSerialTransport,
  type SerialDriver,
} from "../../firmware-bridge/src/transport/serial-transport.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { PtyPeer } from "../support/pty-peer.ts";
import { testTransport, type TransportFixture } from "./transport.ts";

const clock = new MonotonicClock();

async function createFixture(driver: SerialDriver): Promise<TransportFixture> {
  const peer = new PtyPeer();
  await peer.plug();
  return {
    open: (bounds) => openSerialTransport({ clock, path: peer.path, driver, bounds }),
    received: () => peer.read(),
    send: (bytes) => peer.write(bytes),
    pass: (ms) => sleep(ms),
    unplug: () => peer.unplug(),
    replug: () => peer.plug(),
    close: async () => {
      peer.close();
    },
  };
}

testTransport("serialport on a pty", () => createFixture("serialport"), {
  readsThroughThreadPool: "the package serialport reads by fs.read",
});
testTransport(
  "linux-tty on a pty",
  () => createFixture("linux-tty"),
  {},
  process.platform === "linux" ? undefined : "Linux only",
);

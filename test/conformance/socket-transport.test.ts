import { setTimeout as sleep } from "node:timers/promises";

import { FaultInjector } from "../../firmware-bridge/src/transport/fault-injector.ts";
import { openSocketTransport } from "../../firmware-bridge/src/transport/socket-transport.ts";
import { createRandom } from "../../sdk/src/random.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { SocketPeer } from "../support/socket-peer.ts";
import { testTransport, type TransportFixture } from "./transport.ts";

const clock = new MonotonicClock();

async function createFixture(kind: "tcp" | "unix"): Promise<TransportFixture> {
  const peer = new SocketPeer(kind);
  await peer.plug();
  return {
    open: (bounds) => openSocketTransport({ clock, address: peer.address, bounds }),
    received: () => peer.received(),
    send: (bytes) => peer.send(bytes),
    pass: (ms) => sleep(ms),
    unplug: () => peer.unplug(),
    replug: () => peer.plug(),
    close: () => peer.close(),
  };
}

testTransport("TCP socket", () => createFixture("tcp"));
testTransport("unix socket", () => createFixture("unix"));
testTransport("fault injector without a fault, around a unix socket", async () => {
  const inner = await createFixture("unix");
  return {
    ...inner,
    open: (bounds) =>
      new FaultInjector(() => inner.open(bounds), {
        clock,
        random: createRandom(1),
      }).openTransport(),
  };
});

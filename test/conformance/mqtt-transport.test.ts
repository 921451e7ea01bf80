import { setTimeout as sleep } from "node:timers/promises";

import { openMqttTransport } from "../../firmware-bridge/src/mqtt.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { EmbeddedBroker } from "../support/embedded-broker.ts";
import { testTransport } from "./transport.ts";

const clock = new MonotonicClock();
const robotId = "arm-7";
const quietMs = 100;

testTransport("MQTT through a broker", async () => {
  const broker = await EmbeddedBroker.start();
  let pieces: Uint8Array[] = [];
  // What the line held up arrives late, and the suite wants to see it.
  const controller = await openMqttTransport({
    clock,
    broker: { url: broker.directUrl },
    robotId,
    end: "controller",
    maxAgeMs: 60_000,
  });
  controller.onData((bytes) => pieces.push(bytes.slice()));
  return {
    open: async ({ maxPendingBytes, maxPendingAgeMs }) => {
      broker.resume();
      const transport = await openMqttTransport({
        clock,
        broker: { url: broker.url },
        robotId,
        end: "host",
        maxPendingBytes,
        maxAgeMs: maxPendingAgeMs,
      });
      broker.stallClients();
      return transport;
    },
    received: async () => {
      broker.resume();
      let count = -1;
      while (count < pieces.length) {
        count = pieces.length;
        await sleep(quietMs);
      }
      broker.stallClients();
      return Buffer.concat(pieces.splice(0));
    },
    send: async (bytes) => {
      controller.write(bytes, 0, bytes.length);
    },
    pass: (ms) => sleep(ms),
    unplug: async () => {
      broker.dropClients();
    },
    replug: async () => {
      pieces = [];
    },
    close: async () => {
      await controller.close();
      await broker.close();
    },
  };
});

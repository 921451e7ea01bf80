import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { MqttGateway, MqttLink } from "../../firmware-bridge/src/mqtt.ts";
import {
  FirmwareCore,
  firmwareCorePath,
} from "../../firmware-bridge/src/transport/firmware-core.ts";
import { openWasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { EmbeddedBroker } from "../support/embedded-broker.ts";
import { testActuatorLink } from "./actuator-link.ts";

const skip = existsSync(firmwareCorePath())
  ? undefined
  : "the WASM core is not built: make -C firmware-bridge/firmware wasm";

testActuatorLink(
  "MqttLink through a broker to the WASM core behind a gateway",
  async () => {
    const clock = new MonotonicClock();
    const server = await EmbeddedBroker.start();
    const core = await FirmwareCore.load();
    const startMs = clock.nowMs();
    let ticks = 0;
    const drive = setInterval(() => {
      for (; ticks < clock.nowMs() - startMs; ticks++) core.tick();
    }, 2);
    const common = { clock, broker: { url: server.url }, robotId: "arm-7", maxAgeMs: 1000 };
    const gateway = new MqttGateway({
      ...common,
      openTransport: openWasmTransport(core),
      retryMs: 20,
    });
    await gateway.start();
    return {
      link: new MqttLink(common),
      nowMs: () => clock.nowMs(),
      pass: (ms) => sleep(ms),
      unplug: async () => {
        server.dropClients();
      },
      replug: async () => {
        while (!gateway.isConnected) await sleep(5);
      },
      close: async () => {
        await gateway.stop();
        clearInterval(drive);
        await server.close();
      },
    };
  },
  skip,
);

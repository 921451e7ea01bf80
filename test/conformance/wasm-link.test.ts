import { existsSync } from "node:fs";

import { ControllerLink } from "../../firmware-bridge/src/controller-link.ts";
import {
  FirmwareCore,
  firmwareCorePath,
} from "../../firmware-bridge/src/transport/firmware-core.ts";
import { openWasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { testActuatorLink, type LinkFixture } from "./actuator-link.ts";
import { VirtualTime } from "./virtual-time.ts";

const skip = existsSync(firmwareCorePath())
  ? undefined
  : "the WASM core is not built: make -C firmware-bridge/firmware wasm";

async function createWasmFixture(startTick: number): Promise<LinkFixture> {
  const core = await FirmwareCore.load({ startTick });
  const time = new VirtualTime(() => {
    core.tick();
  });
  const link = new ControllerLink({
    name: "wasm core",
    clock: time.clock,
    openTransport: openWasmTransport(core),
  });
  return {
    link,
    nowMs: () => time.clock.nowMs(),
    pass: (ms) => time.pass(ms),
    unplug: async () => {
      core.unplug();
    },
    replug: async () => {},
    close: async () => {},
  };
}

testActuatorLink("ControllerLink over the WASM core", () => createWasmFixture(0), skip);
testActuatorLink(
  "ControllerLink while the controller's tick wraps",
  () => createWasmFixture(2 ** 32 - 300),
  skip,
);

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import {
  FirmwareCore,
  firmwareCorePath,
} from "../../firmware-bridge/src/transport/firmware-core.ts";
import { WasmTransport } from "../../firmware-bridge/src/transport/wasm-transport.ts";
import { testTransport } from "./transport.ts";

const skip = existsSync(firmwareCorePath())
  ? undefined
  : "the WASM core is not built: make -C firmware-bridge/firmware wasm";

testTransport(
  "WASM core",
  async () => {
    const core = await FirmwareCore.load();
    let pieces: Uint8Array[] = [];
    let transport: WasmTransport | undefined;
    core.onReceive((bytes) => pieces.push(bytes.slice()));
    return {
      open: async (bounds) => {
        transport = new WasmTransport(core, bounds);
        return transport;
      },
      received: async () => {
        core.tick();
        return Buffer.concat(pieces.splice(0));
      },
      send: async (bytes) => {
        assert.ok(transport !== undefined);
        transport.deliver(bytes);
      },
      pass: (ms) => sleep(ms),
      unplug: async () => {
        core.unplug();
      },
      replug: async () => {
        pieces = [];
      },
      close: async () => {},
    };
  },
  { neverAges: "the core's time stands still until a tick takes everything" },
  skip,
);

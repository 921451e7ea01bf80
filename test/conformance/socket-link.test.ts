import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { SocketLink, type SocketAddress } from "../../firmware-bridge/src/socket.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { HostFirmware, hostFirmwareSkip } from "../support/host-firmware.ts";
import { testActuatorLink, type LinkFixture } from "./actuator-link.ts";

async function createFixture(
  address: SocketAddress,
  close: () => void = () => {},
): Promise<LinkFixture> {
  const clock = new MonotonicClock();
  const where = "path" in address ? `unix:${address.path}` : `tcp:${address.port}`;
  const firmware = new HostFirmware(["--listen", where]);
  await firmware.command("line");
  return {
    link: new SocketLink({ clock, address }),
    nowMs: () => clock.nowMs(),
    pass: (ms) => sleep(ms),
    unplug: async () => {
      await firmware.command("unplug");
    },
    replug: async () => {
      await firmware.command("replug");
    },
    close: async () => {
      await firmware.close();
      close();
    },
  };
}

/** A port that was free a moment ago, so that the firmware can take the same one again after an unplug. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

testActuatorLink(
  "SocketLink over TCP to the host firmware",
  async () => createFixture({ port: await freePort() }),
  hostFirmwareSkip,
);
testActuatorLink(
  "SocketLink over a unix socket to the host firmware",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "omp-firmware-"));
    return createFixture({ path: join(folder, "line") }, () => {
      rmSync(folder, { recursive: true, force: true });
    });
  },
  hostFirmwareSkip,
);

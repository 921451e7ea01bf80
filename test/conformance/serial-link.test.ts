import { setTimeout as sleep } from "node:timers/promises";

import { SerialLink, type SerialDriver } from "../../firmware-bridge/src/serial.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { testActuatorLink, type LinkFixture } from "./actuator-link.ts";
import { PtyFirmware, ptyFirmwareSkip } from "./pty-firmware.ts";

async function createFixture(driver: SerialDriver): Promise<LinkFixture> {
  const clock = new MonotonicClock();
  const firmware = await PtyFirmware.start();
  return {
    link: new SerialLink({ clock, path: firmware.path, driver }),
    nowMs: () => clock.nowMs(),
    pass: (ms) => sleep(ms),
    unplug: async () => {
      await firmware.command("unplug");
    },
    replug: async () => {
      await firmware.command("replug");
    },
    close: () => firmware.close(),
  };
}

testActuatorLink(
  "SerialLink by serialport over a pty to the host firmware",
  () => createFixture("serialport"),
  ptyFirmwareSkip,
);
testActuatorLink(
  "SerialLink by linux-tty over a pty to the host firmware",
  () => createFixture("linux-tty"),
  process.platform === "linux" ? ptyFirmwareSkip : "Linux only",
);

import { setTimeout as sleep } from "node:timers/promises";

import { SerialLink } from "../../firmware-bridge/src/serial.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";
import { testActuatorLink } from "./actuator-link.ts";
import { PtyFirmware, ptyFirmwareSkip } from "./pty-firmware.ts";

testActuatorLink(
  "SerialLink over a pty to the host firmware",
  async () => {
    const clock = new MonotonicClock();
    const firmware = await PtyFirmware.start();
    return {
      link: new SerialLink({ clock, path: firmware.path }),
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
  },
  ptyFirmwareSkip,
);

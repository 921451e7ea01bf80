import { join } from "node:path";

import { namesIn, textOf } from "../system-files.ts";

/**
 * What talks on a UART of the board by itself: login prompts that systemd starts, and the kernel's messages. A Jetson's is nvgetty.service,
 * which picks its port when it starts.
 */
export function serialConsoles(device: string, root: string = "/"): string[] {
  const units = enabledUnits(root).filter(
    (unit) =>
      unit === `serial-getty@${device}.service` ||
      (unit === "nvgetty.service" && device.startsWith("ttyTHS")),
  );
  const isKernelConsole = commandLine(root).some((word) =>
    new RegExp(`^console=${device}(,|$)`).test(word),
  );
  return isKernelConsole ? [...units, "kernel messages"] : units;
}

/** Units that some target wants. */
function enabledUnits(root: string): string[] {
  const folder = join(root, "etc/systemd/system");
  const wants = (namesIn(folder) ?? []).filter((name) => name.endsWith(".wants"));
  return [...new Set(wants.flatMap((name) => namesIn(join(folder, name)) ?? []))];
}

function commandLine(root: string): string[] {
  return textOf(join(root, "proc/cmdline"))?.split(/\s+/) ?? [];
}

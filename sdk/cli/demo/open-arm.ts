import { existsSync } from "node:fs";
import { join } from "node:path";

import { PtyArm } from "../../../firmware-bridge/src/testing/pty-arm.ts";
import type { SimulatedArm } from "../../../firmware-bridge/src/testing/simulated-arm.ts";
import { WasmArm } from "../../../firmware-bridge/src/testing/wasm-arm.ts";
import type { Clock } from "../../src/clock.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import type { FirmwareKind } from "./demo-options.ts";

/**
 * Starts the simulated arm behind the host firmware when that has been built, behind the WebAssembly core otherwise.
 *
 * @throws {OmpError} TOOL_FAILED
 */
export async function openArm(
  packageRoot: string,
  kind: FirmwareKind,
  clock: Clock,
): Promise<SimulatedArm> {
  const worldDirectory = join(packageRoot, "models", "worlds", "push");
  const firmwareDirectory = join(packageRoot, "firmware-bridge", "firmware");
  const firmwarePath = join(firmwareDirectory, "build", "omp-firmware");
  if (kind === "host" || (kind === "auto" && existsSync(firmwarePath))) {
    if (!existsSync(firmwarePath)) {
      throw new OmpError(ErrorCode.ToolFailed, {
        what: "the host firmware has not been built",
        next: "Build it with `make -C firmware-bridge/firmware host`; it needs a C compiler.",
      });
    }
    return PtyArm.start({ clock, firmwarePath, worldDirectory });
  }
  return WasmArm.start({ clock, worldDirectory });
}

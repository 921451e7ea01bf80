import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { HostFirmware, hostFirmwareSkip } from "../support/host-firmware.ts";

/** Why the host firmware cannot run here, or undefined. */
export const ptyFirmwareSkip: string | undefined = hostFirmwareSkip;

/** The reference firmware behind a pty. */
export class PtyFirmware extends HostFirmware {
  readonly path: string;
  readonly #directory: string;

  private constructor(directory: string, more: readonly string[]) {
    const path = join(directory, "controller");
    super(["--link", path], ...more);
    this.path = path;
    this.#directory = directory;
  }

  /** @param more further arguments of the firmware, as "--path-log", FILE */
  static async start(...more: readonly string[]): Promise<PtyFirmware> {
    const firmware = new PtyFirmware(mkdtempSync(join(tmpdir(), "omp-firmware-")), more);
    await firmware.command("line");
    return firmware;
  }

  override async close(): Promise<void> {
    await super.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

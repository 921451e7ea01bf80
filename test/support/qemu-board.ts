import { execFile, spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";

import { repositoryPath } from "./repository.ts";

/** The Cortex-M image in an emulated MPS2 board, its UART on a pseudo-terminal of this machine. */
export class QemuBoard {
  /** The terminal. */
  readonly path: string;
  readonly #directory: string;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;

  private constructor(
    path: string,
    directory: string,
    process: ChildProcessByStdio<null, Readable, Readable>,
  ) {
    this.path = path;
    this.#directory = directory;
    this.#process = process;
  }

  /** Builds the image and boots it. */
  static async boot(): Promise<QemuBoard> {
    const directory = await mkdtemp(join(tmpdir(), "omp-cortex-m-"));
    const firmware = repositoryPath("firmware-bridge", "firmware");
    await promisify(execFile)("make", ["-s", "-C", firmware, "cortex-m", `BUILD=${directory}`]);
    const image = join(directory, "mps2-an385.elf");
    const board = ["-M", "mps2-an385", "-kernel", image, "-nographic", "-monitor", "none"];
    const qemu = spawn("qemu-system-arm", [...board, "-serial", "pty"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    try {
      return new QemuBoard(await terminalOf(qemu), directory, qemu);
    } catch (error) {
      qemu.kill("SIGKILL");
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#process.kill("SIGKILL");
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      await once(this.#process, "exit");
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** "char device redirected to /dev/pts/7 (label serial0)", on one of the two outputs. */
function terminalOf(qemu: ChildProcessByStdio<null, Readable, Readable>): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const read = (bytes: Buffer): void => {
      text += bytes.toString();
      const path = /\/dev\/\S+/.exec(text)?.[0];
      if (path !== undefined) resolve(path);
    };
    qemu.stdout.on("data", read);
    qemu.stderr.on("data", read);
    qemu.once("error", reject);
    qemu.once("exit", (code, signal) => {
      reject(new Error(`qemu-system-arm ended with ${code ?? signal}: ${text}`));
    });
  });
}

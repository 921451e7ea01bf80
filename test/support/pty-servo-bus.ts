import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

import type { SimulatedServoBus } from "../../firmware-bridge/src/testing/index.ts";

/** The far end of a pty on standard input and output; says "ready" on standard error. */
const bridgeProgram = `
import os, pty, select, sys, tty
master, slave = pty.openpty()
tty.setraw(slave)
os.symlink(os.ttyname(slave), sys.argv[1])
print("ready", file=sys.stderr, flush=True)
while True:
    for source in select.select([0, master], [], [])[0]:
        data = os.read(source, 65536)
        if source == 0 and not data: sys.exit()
        os.write(master if source == 0 else 1, data)
`;

/** A simulated servo bus behind a real pseudo-terminal. */
export class PtyServoBus {
  readonly path: string;
  readonly #directory: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;

  private constructor(bus: SimulatedServoBus) {
    this.#directory = mkdtempSync(join(tmpdir(), "omp-servo-"));
    this.path = join(this.#directory, "bus");
    this.#process = spawn("python3", ["-c", bridgeProgram, this.path], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process.stdin.on("error", () => {});
    this.#process.stdout.on("data", (bytes: Buffer) => {
      bus.receive(bytes);
    });
    bus.attach({
      deliver: (bytes) => {
        this.#process.stdin.write(bytes);
      },
      end: () => {},
    });
  }

  static async start(bus: SimulatedServoBus): Promise<PtyServoBus> {
    const pty = new PtyServoBus(bus);
    await once(pty.#process.stderr, "data");
    return pty;
  }

  close(): void {
    this.#process.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

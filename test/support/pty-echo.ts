import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

const program = `
import os, pty, select, sys, tty
masters, slaves = [], []
for _ in range(int(sys.argv[1])):
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    masters.append(master)
    slaves.append(slave)
print(" ".join(os.ttyname(slave) for slave in slaves), flush=True)
while 0 not in (ready := select.select([0, *masters], [], [])[0]):
    for master in ready:
        try:
            os.write(master, os.read(master, 65536))
        except BlockingIOError:
            pass
`;

/** Ptys whose far ends send back what they receive. */
export class PtyEcho {
  readonly paths: readonly string[];
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, paths: readonly string[]) {
    this.#process = process;
    this.paths = paths;
  }

  static async start(count: number): Promise<PtyEcho> {
    const child = spawn("python3", ["-c", program, `${count}`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) return new PtyEcho(child, line.split(" "));
    throw new Error("the echo program said nothing");
  }

  close(): void {
    this.#process.kill();
  }
}

import { spawn, type ChildProcessByStdio } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** The far end of a pty, commanded line by line; every command is answered by one line. */
const peerProgram = `
import os, pty, select, sys, tty
path = sys.argv[1]
master = -1
for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    answer = ""
    if command == "plug":
        master, slave = pty.openpty()
        tty.setraw(slave)
        if os.path.islink(path): os.unlink(path)
        os.symlink(os.ttyname(slave), path)
        spare = slave
    elif command == "unplug":
        os.close(master)
        os.close(spare)
        os.unlink(path)
    elif command == "read":
        data = b""
        while select.select([master], [], [], 0.05)[0]:
            data += os.read(master, 65536)
        answer = data.hex()
    elif command == "write":
        os.write(master, bytes.fromhex(argument))
    print(answer, flush=True)
`;

/** A controller that is only a wire: what the host wrote can be read, what is written arrives at the host. */
export class PtyPeer {
  readonly path: string;
  readonly #directory: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: ((line: string) => void)[] = [];

  constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), "omp-pty-"));
    this.path = join(this.#directory, "controller");
    this.#process = spawn("python3", ["-c", peerProgram, this.path], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      this.#answers.shift()?.(line);
    });
  }

  /** A new pty appears at `path`. */
  async plug(): Promise<void> {
    await this.#command("plug");
  }

  /** The pty disappears; what was in it is lost. */
  async unplug(): Promise<void> {
    await this.#command("unplug");
  }

  /** Everything the host has written since the last read. */
  async read(): Promise<Buffer> {
    return Buffer.from(await this.#command("read"), "hex");
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#command(`write ${Buffer.from(bytes).toString("hex")}`);
  }

  close(): void {
    this.#process.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #command(line: string): Promise<string> {
    return new Promise((resolve) => {
      this.#answers.push(resolve);
      this.#process.stdin.write(`${line}\n`);
    });
  }
}

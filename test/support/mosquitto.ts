import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { ErrorCode, OmpError } from "../../sdk/src/errors.ts";

const program = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"]
  .map((folder) => join(folder, "mosquitto"))
  .find((path) => existsSync(path));

/** Why there is no Mosquitto to test with, or false. */
export const mosquittoMissing: string | false =
  program === undefined ? "no mosquitto; on Debian: apt-get install mosquitto" : false;

/** A Mosquitto on a free port of this machine. */
export class Mosquitto {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  /**
   * One without TLS where every user may use the link topics of the robot of its name.
   *
   * @param users names, which are also their passwords
   */
  static async start(users: readonly string[]): Promise<Mosquitto> {
    const folder = await mkdtemp(join(tmpdir(), "omp-mosquitto-"));
    const broker = new Mosquitto(await freePort(), folder);
    const passwords = join(folder, "passwords");
    await writeFile(passwords, users.map((name) => `${name}:${name}\n`).join(""));
    // It replaces the plain passwords by their hashes.
    spawnSync("mosquitto_passwd", ["-U", passwords], { cwd: folder });
    await writeFile(join(folder, "acl"), "pattern readwrite omp/v1/%u/link/#\n");
    await writeFile(
      join(folder, "conf"),
      [
        `listener ${broker.port} 127.0.0.1`,
        "allow_anonymous false",
        `password_file ${passwords}`,
        `acl_file ${join(folder, "acl")}`,
        // As root it would become a user who may not read this folder.
        "user root",
        "persistence false\n",
      ].join("\n"),
    );
    await broker.run();
    return broker;
  }

  /** One with the configuration at `path`, as it is. */
  static async startConfigured(path: string, port: number): Promise<Mosquitto> {
    const broker = new Mosquitto(port, await mkdtemp(join(tmpdir(), "omp-mosquitto-")));
    // As root it would become a user who may not read the folder of the keys.
    const ownUser = process.getuid?.() === 0 ? "user root\n" : "";
    await writeFile(
      join(broker.#folder, "conf"),
      `${await readFile(path, "utf8")}${ownUser}log_dest file ${broker.logPath}\n`,
    );
    await broker.run();
    return broker;
  }

  /** One that lets anybody in, with these further lines of configuration. */
  static async startOpen(lines: readonly string[] = []): Promise<Mosquitto> {
    const folder = await mkdtemp(join(tmpdir(), "omp-mosquitto-"));
    const port = await freePort();
    const conf = join(folder, "open.conf");
    const all = [`listener ${port} 127.0.0.1`, "allow_anonymous true", ...lines, ""];
    await writeFile(conf, all.join("\n"));
    const broker = await Mosquitto.startConfigured(conf, port);
    await rm(folder, { recursive: true });
    return broker;
  }

  /** Of one that is configured. */
  get logPath(): string {
    return join(this.#folder, "log");
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Reads its access list again. */
  reload(): void {
    this.#process?.kill("SIGHUP");
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Starts it, also again after `kill`. */
  async run(): Promise<void> {
    this.#process = spawn(program ?? "mosquitto", ["-c", join(this.#folder, "conf")], {
      stdio: "ignore",
    });
    for (let attempt = 0; attempt < 500; attempt += 1) {
      if (await isListening(this.port)) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
    throw new OmpError(ErrorCode.ToolFailed, { what: "mosquitto does not listen" });
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    const exited = once(running, "exit");
    running.kill("SIGKILL");
    await exited;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

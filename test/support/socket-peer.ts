import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { SocketAddress } from "../../firmware-bridge/src/transport/socket-transport.ts";

const quietMs = 50;

/** The far end of a socket line. It takes one connection at a time, the newest, and reads only inside `received`. */
export class SocketPeer {
  #address: SocketAddress;
  readonly #folder: string;
  #server: Server | undefined;
  #connection: Socket | undefined;
  #pieces: Buffer[] = [];

  constructor(kind: "tcp" | "unix") {
    this.#folder = mkdtempSync(join(tmpdir(), "omp-socket-"));
    this.#address = kind === "tcp" ? { port: 0 } : { path: join(this.#folder, "line") };
  }

  /** Valid after `plug`. */
  get address(): SocketAddress {
    return this.#address;
  }

  async plug(): Promise<void> {
    this.#pieces = [];
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (connection) => {
      this.#connection?.destroy();
      this.#connection = connection;
      connection.on("data", (bytes) => this.#pieces.push(bytes));
      connection.on("error", () => {});
    });
    this.#server = server;
    if ("path" in this.#address) server.listen(this.#address.path);
    else server.listen(this.#address.port, "127.0.0.1");
    await once(server, "listening");
    const bound = server.address();
    if (typeof bound === "object" && bound !== null) this.#address = { port: bound.port };
  }

  async unplug(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    // A connection that was accepted and not reported yet is closed with the server.
    this.#connection?.destroy();
    this.#connection = undefined;
    await closed;
  }

  async send(bytes: Uint8Array): Promise<void> {
    while (this.#connection === undefined) await sleep(1);
    this.#connection.write(bytes);
  }

  async received(): Promise<Uint8Array> {
    let count = -1;
    while (count < this.#pieces.length) {
      count = this.#pieces.length;
      this.#connection?.resume();
      await sleep(quietMs);
    }
    this.#connection?.pause();
    return Buffer.concat(this.#pieces.splice(0));
  }

  async close(): Promise<void> {
    await this.unplug();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

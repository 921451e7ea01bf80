import { createServer, type Server, type Socket } from "node:net";

import type { Aedes } from "aedes";

import { asOmpError, ErrorCode, OmpError } from "../src/errors.ts";

export interface EmbeddedBrokerOptions {
  /** Port on 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number;
  /** Takes a free port when `port` is in use. */
  readonly orFreePort?: boolean;
}

const host = "127.0.0.1";
/** A subscriber that takes nothing for this long is disconnected: it would hold up the others. */
const drainTimeoutMs = 10_000;

/** An MQTT broker inside this process, reachable from this machine only. For the demo and for tests. */
export class EmbeddedBroker {
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(aedes: Aedes) {
    this.#aedes = aedes;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
  }

  /**
   * @param loadAedes replaced by tests
   * @throws {OmpError} TOOL_FAILED when the package aedes is not installed, LINK_OPEN_FAILED when the port cannot be opened
   */
  static async start(
    { port = 0, orFreePort = false }: EmbeddedBrokerOptions = {},
    loadAedes: () => Promise<{ readonly Aedes: typeof Aedes }> = () => import("aedes"),
  ): Promise<EmbeddedBroker> {
    const { Aedes: AedesClass } = await loadAedes().catch((error: unknown) => {
      throw aedesMissing(error);
    });
    const broker = new EmbeddedBroker(
      await AedesClass.createBroker({ drainTimeout: drainTimeoutMs }),
    );
    try {
      await broker.#listen(port).catch((error: unknown) => {
        if (orFreePort && isPortInUse(error)) return broker.#listen(0);
        throw error;
      });
    } catch (error) {
      await broker.stop();
      if (isPortInUse(error)) throw portInUse(port, error);
      throw asOmpError(error, ErrorCode.LinkOpenFailed, `no broker can listen on ${host}:${port}`);
    }
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  /** "mqtt://127.0.0.1:1883" */
  get url(): string {
    return `mqtt://${host}:${this.#port}`;
  }

  /** Disconnects every client and frees the port. */
  async stop(): Promise<void> {
    const closed = this.#server.listening
      ? new Promise<void>((resolve) => {
          this.#server.close(() => {
            resolve();
          });
        })
      : Promise.resolve();
    await new Promise<void>((resolve) => {
      this.#aedes.close(resolve);
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        const address = this.#server.address();
        if (typeof address === "object" && address !== null) this.#port = address.port;
        resolve();
      });
    });
  }
}

function isPortInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

function portInUse(port: number, cause: unknown): OmpError {
  return new OmpError(ErrorCode.LinkOpenFailed, {
    what: `no broker can listen on ${host}:${port}`,
    observed: "the port is in use",
    next: `If an MQTT broker runs there, use it with --broker mqtt://${host}:${port}.`,
    cause,
  });
}

function aedesMissing(cause: unknown): OmpError {
  return new OmpError(ErrorCode.ToolFailed, {
    what: "the embedded MQTT broker cannot be loaded",
    observed: cause instanceof Error ? cause.message : String(cause),
    expected: "the package aedes, version 1",
    next: "Run `npm install aedes`, or use a broker of your own with --broker URL.",
    cause,
  });
}

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";

/** An MQTT broker on a free port of this machine, behind a line that can be cut and stalled. */
export class EmbeddedBroker {
  readonly aedes: Aedes;
  readonly #broker: Server;
  readonly #line: Server;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<Socket>();

  private constructor(aedes: Aedes) {
    this.aedes = aedes;
    this.#broker = createServer(aedes.handle);
    this.#line = createServer((client) => {
      const upstream = connect(portOf(this.#broker), "127.0.0.1");
      this.#clients.add(client);
      client.once("close", () => this.#clients.delete(client));
      this.#join(client, upstream);
      this.#join(upstream, client);
    });
  }

  static async start(): Promise<EmbeddedBroker> {
    const broker = new EmbeddedBroker(await Aedes.createBroker());
    for (const server of [broker.#broker, broker.#line]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${portOf(this.#line)}`;
  }

  /** Past the line: neither cut nor stalled. */
  get directUrl(): string {
    return `mqtt://127.0.0.1:${portOf(this.#broker)}`;
  }

  /** Cuts every connection; new ones are accepted. */
  dropClients(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing passes until `resume`, as with a broker that hangs. */
  stall(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  /** What clients send waits until `resume`; what they are sent goes on. */
  stallClients(): void {
    for (const socket of this.#clients) socket.pause();
  }

  resume(): void {
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.#line.close();
    this.dropClients();
    this.#broker.close();
    await new Promise<void>((resolve) => {
      this.aedes.close(resolve);
    });
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on("data", (bytes) => to.write(bytes));
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { type WebSocket, WebSocketServer } from "ws";

import { asOmpError, ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import type { OmpPolicy } from "../../../sdk/src/policy.ts";
import { EpisodeSession } from "./episode-session.ts";
import type { KeyMap } from "./key-map.ts";
import { serverMetadata } from "./metadata.ts";
import { pack, type Packed, unpack } from "./msgpack-numpy.ts";

/** Where and how a policy is served. */
export interface PolicyServerOptions {
  /** Interface to listen on. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly keyMap: KeyMap;
  /** Seed of the noise of a connection's first episode. */
  readonly firstSeed: number;
  /** Clients at a time; the next one is answered 503. */
  readonly maxConnections: number;
  /** A longer message closes its connection (1009). */
  readonly maxMessageBytes: number;
  /** Demanded as `Authorization: Api-Key KEY`; none is demanded when left out. */
  readonly apiKey?: string;
  /** One line for the log: connections, refusals. */
  readonly onEvent?: (line: string) => void;
}

/** RFC 6455 §7.4.1: "unexpected condition"; openpi clients treat the text frame before it as the error. */
const CLOSE_FAILED = 1011;
const CLOSE_GOING_AWAY = 1001;
const PING_EVERY_MS = 20_000;

/**
 * Serves one policy to openpi clients over WebSocket. Normative text: `models/SERVING.md`. It moves nothing by itself: what
 * becomes of the actions, and how old they may be, is the client's to decide.
 */
export class PolicyServer {
  readonly #policy: OmpPolicy;
  readonly #options: PolicyServerOptions;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  /** Inferences run one after the other: the policy evaluates one observation at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #clients = 0;

  private constructor(policy: OmpPolicy, options: PolicyServerOptions) {
    this.#policy = policy;
    this.#options = options;
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
    });
    this.#http = createServer(answerHttp);
    this.#http.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
  }

  /**
   * Starts to serve. The policy stays the caller's, to be closed after the server.
   *
   * @throws {OmpError} LINK_OPEN_FAILED when the port cannot be listened on
   */
  static async open(policy: OmpPolicy, options: PolicyServerOptions): Promise<PolicyServer> {
    const server = new PolicyServer(policy, options);
    const { host, port } = options;
    try {
      server.#http.listen({ host, port });
      await once(server.#http, "listening");
    } catch (error) {
      await server.close();
      throw asOmpError(error, ErrorCode.LinkOpenFailed, `cannot listen on ${host} port ${port}`);
    }
    return server;
  }

  /** `ws://host:port`, with the port that was taken. */
  get url(): string {
    const address = this.#http.address();
    const { host, port } = this.#options;
    const taken = typeof address === "object" && address !== null ? address.port : port;
    return `ws://${host.includes(":") ? `[${host}]` : host}:${taken}`;
  }

  /** Ends every connection and waits for a running inference. Safe twice. */
  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.close(CLOSE_GOING_AWAY);
    await this.#turn;
    for (const socket of this.#sockets.clients) socket.terminate();
    if (!this.#http.listening) return;
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      this.#options.onEvent?.(`refused a client: ${refusal}`);
      socket.on("error", () => socket.destroy());
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#clients += 1;
    socket.once("close", () => {
      this.#clients -= 1;
    });
    this.#sockets.handleUpgrade(request, socket, head, (client) => {
      this.#serve(client);
    });
  }

  /** The status line of an upgrade that is not granted. */
  #refusal({ headers }: IncomingMessage): string | undefined {
    const { apiKey, maxConnections } = this.#options;
    // Any web page may open a WebSocket to this machine; browsers say so, robots do not.
    if (headers.origin !== undefined) return "403 Forbidden";
    if (apiKey !== undefined && !isEqual(headers.authorization ?? "", `Api-Key ${apiKey}`)) {
      return "401 Unauthorized";
    }
    return this.#clients >= maxConnections ? "503 Service Unavailable" : undefined;
  }

  #serve(socket: WebSocket): void {
    const { keyMap, firstSeed, onEvent } = this.#options;
    const session = new EpisodeSession(this.#policy, keyMap, firstSeed);
    let isBusy = false;
    let previousTotalMs: number | undefined;
    const answer = async (data: Uint8Array): Promise<void> => {
      const startedAtMs = performance.now();
      const { actions, inferMs } = await this.#inTurn(() => session.infer(unpack(data)));
      const timing = new Map<string, Packed>([["infer_ms", inferMs]]);
      if (previousTotalMs !== undefined) timing.set("prev_total_ms", previousTotalMs);
      const reply = new Map<string, Packed>([
        ["actions", actions],
        ["server_timing", timing],
      ]);
      socket.send(pack(reply));
      previousTotalMs = performance.now() - startedAtMs;
    };
    const fail = (error: unknown): void => {
      const { message } = asOmpError(error, ErrorCode.Internal, "the server failed");
      onEvent?.(`closed a client: ${message}`);
      if (socket.readyState !== socket.OPEN) return;
      socket.send(message);
      socket.close(CLOSE_FAILED);
    };
    let isAlive = true;
    socket.on("pong", () => {
      isAlive = true;
    });
    const watchdog = setInterval(() => {
      if (isAlive) socket.ping();
      else socket.terminate();
      isAlive = false;
    }, PING_EVERY_MS);
    watchdog.unref();
    socket.on("close", () => {
      clearInterval(watchdog);
      onEvent?.("a client left");
    });
    socket.on("error", (error) => {
      onEvent?.(`a connection failed: ${error.message}`);
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (socket.readyState !== socket.OPEN) return;
      if (!isBinary || isBusy) {
        fail(notLockstep(isBinary));
        return;
      }
      isBusy = true;
      answer(data)
        .catch(fail)
        .finally(() => {
          isBusy = false;
        });
    });
    socket.send(pack(serverMetadata(this.#policy, session)));
    onEvent?.("a client connected");
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function answerHttp(request: IncomingMessage, response: ServerResponse): void {
  const isHealth = request.url === "/healthz";
  response.writeHead(isHealth ? 200 : 426, {
    "content-type": "text/plain",
    ...(isHealth ? {} : { upgrade: "websocket" }),
  });
  response.end(isHealth ? "OK\n" : "WebSocket only\n");
}

function notLockstep(isBinary: boolean): OmpError {
  return new OmpError(ErrorCode.InvalidObservation, {
    what: "the client does not keep to the protocol",
    observed: isBinary ? "a message before the answer to the last one" : "a text frame",
    expected: "one binary message, then its answer",
  });
}

/** Takes the same time wherever the texts differ. */
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

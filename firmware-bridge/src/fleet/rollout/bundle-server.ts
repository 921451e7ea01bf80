import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

import { asOmpError, ErrorCode } from "../../../../sdk/src/errors.ts";

export interface BundleServerOptions {
  /** Default "127.0.0.1". */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
}

/**
 * Serves packed bundles at `/<hash>.omp`, in ranges, to whoever asks: their content is signed, not secret. A fleet that is large or
 * has secrets fetches them from a web server with TLS instead.
 */
export class BundleServer {
  readonly #server: Server;
  readonly #files = new Map<string, { readonly file: string; readonly hash: string }>();
  readonly #host: string;

  private constructor(host: string) {
    this.#host = host;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  /** @throws {OmpError} LINK_OPEN_FAILED */
  static async start({
    host = "127.0.0.1",
    port = 0,
  }: BundleServerOptions = {}): Promise<BundleServer> {
    const server = new BundleServer(host);
    try {
      server.#server.listen(port, host);
      await once(server.#server, "listening");
    } catch (error) {
      throw asOmpError(error, ErrorCode.LinkOpenFailed, `cannot serve bundles at ${host}:${port}`);
    }
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** @returns the address at which robots fetch it */
  add(hash: string, file: string): string {
    const path = `/${hash}.omp`;
    this.#files.set(path, { file, hash });
    return `http://${this.#host}:${this.port}${path}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = this.#files.get(request.url ?? "");
    if (request.method !== "GET" || found === undefined) {
      response.writeHead(found === undefined ? 404 : 405).end();
      return;
    }
    const { size } = await stat(found.file);
    const etag = `"${found.hash}"`;
    const wanted = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    const condition = request.headers["if-range"];
    const isRange = wanted !== undefined && (condition === undefined || condition === etag);
    const start = isRange ? Number(wanted) : 0;
    if (isRange && start >= size) {
      response.writeHead(416, { "content-range": `bytes */${size}`, etag }).end();
      return;
    }
    response.writeHead(isRange ? 206 : 200, {
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
      "content-length": size - start,
      etag,
      ...(isRange && { "content-range": `bytes ${start}-${size - 1}/${size}` }),
    });
    await pipeline(createReadStream(found.file, { start }), response);
  }
}

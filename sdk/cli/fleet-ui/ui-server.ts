import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { asOmpError, ErrorCode, OmpError } from "../../src/errors.ts";
import type { FleetFeed } from "./fleet-feed.ts";
import { type UiCommand, type UiCommandResult, uiCommands } from "./ui-messages.ts";

export interface UiServerOptions {
  readonly feed: FleetFeed;
  /** Compiled page: `index.html`, `page.js`, `page.css`. */
  readonly pageFolder: string;
  /** FAULTS.md */
  readonly faultsFile: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Asks robots for something; undefined where this page may only look. */
  readonly command?: (command: UiCommand, robots: readonly string[]) => Promise<UiCommandResult[]>;
}

const MAX_BODY_BYTES = 65_536;
/** A page that does not read gets no more than this; it is then cut off and comes back by itself. */
const MAX_BEHIND_BYTES = 4 * 2 ** 20;

const files: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  "/": { name: "index.html", type: "text/html; charset=utf-8" },
  "/page.js": { name: "page.js", type: "text/javascript; charset=utf-8" },
  "/page.css": { name: "page.css", type: "text/css; charset=utf-8" },
};

/** Serves the page, its feed and its commands over HTTP. */
export class UiServer {
  readonly #options: UiServerOptions;
  readonly #server: Server;
  /** Of the page that this server sent, so that no other site can command robots through somebody's browser. */
  readonly #token = globalThis.crypto.randomUUID();

  private constructor(options: UiServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        refuse(
          response,
          500,
          asOmpError(error, ErrorCode.Internal, "the page's server failed").message,
        );
      });
    });
  }

  /** @throws {OmpError} LINK_OPEN_FAILED when the port is taken */
  static async start(options: UiServerOptions): Promise<UiServer> {
    const ui = new UiServer(options);
    await new Promise<void>((resolve, reject) => {
      ui.#server.once("error", (error) => {
        reject(
          new OmpError(ErrorCode.LinkOpenFailed, {
            what: `the page cannot be served on ${options.host}:${options.port}`,
            observed: error.message,
            next: "Choose another --port.",
          }),
        );
      });
      ui.#server.listen(options.port, options.host, resolve);
    });
    return ui;
  }

  get url(): string {
    const { address, port, family } = this.#address();
    return `http://${family === "IPv6" ? `[${address}]` : address}:${port}/`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #address(): AddressInfo {
    const address = this.#server.address();
    if (address === null || typeof address === "string") {
      throw new OmpError(ErrorCode.InvalidState, { what: "the page's server is not listening" });
    }
    return address;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (request.method === "POST" && path === "/command") return this.#command(request, response);
    if (request.method !== "GET") return refuse(response, 405, "only GET and POST /command");
    if (path === "/feed") return this.#feed(request, response);
    if (path === "/faults") {
      const text = await readFile(this.#options.faultsFile, "utf8");
      return send(response, "application/json", JSON.stringify(faultSections(text)));
    }
    const file = files[path];
    if (file === undefined) return refuse(response, 404, "there is no such page");
    const content = await readFile(join(this.#options.pageFolder, file.name), "utf8");
    const canCommand = this.#options.command === undefined ? "" : this.#token;
    send(response, file.type, content.replace("{{token}}", canCommand));
  }

  #feed(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    const unsubscribe = this.#options.feed.subscribe((update) => {
      if (response.writableLength > MAX_BEHIND_BYTES) response.destroy();
      else response.write(`data: ${JSON.stringify(update)}\n\n`);
    });
    request.on("close", unsubscribe);
  }

  async #command(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { command } = this.#options;
    if (command === undefined) return refuse(response, 403, "this page may only look");
    if (request.headers["x-omp-token"] !== this.#token) {
      return refuse(response, 403, "the command is not from this page; load it anew");
    }
    const body = await bodyOf(request);
    const asked = body === undefined ? undefined : commandOf(body);
    if (asked === undefined) return refuse(response, 400, "a command has kind and robots");
    const results = await command(asked.kind, asked.robots);
    send(response, "application/json", JSON.stringify(results));
  }
}

const headers = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "content-security-policy": "default-src 'self'; img-src 'self' data:",
} as const;

function send(response: ServerResponse, type: string, content: string): void {
  response.writeHead(200, { ...headers, "content-type": type });
  response.end(content);
}

function refuse(response: ServerResponse, status: number, why: string): void {
  if (!response.headersSent) {
    response.writeHead(status, { ...headers, "content-type": "text/plain; charset=utf-8" });
  }
  response.end(why);
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    const bytes: Buffer = part;
    size += bytes.length;
    if (size > MAX_BODY_BYTES) return undefined;
    parts.push(bytes);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(parts).toString("utf8"));
    return body;
  } catch {
    return undefined;
  }
}

function commandOf(
  body: unknown,
): { readonly kind: UiCommand; readonly robots: readonly string[] } | undefined {
  if (typeof body !== "object" || body === null || !("kind" in body) || !("robots" in body)) {
    return undefined;
  }
  const kind = uiCommands.find((one) => one === body.kind);
  const { robots } = body;
  if (kind === undefined || !Array.isArray(robots)) return undefined;
  const names = robots.filter((robot) => typeof robot === "string");
  return names.length === robots.length ? { kind, robots: names } : undefined;
}

/** The paragraphs of FAULTS.md by reason. */
export function faultSections(text: string): Readonly<Record<string, readonly string[]>> {
  const sections = text.split(/^## /m).slice(1);
  return Object.fromEntries(
    sections.map((section) => {
      const [reason = "", ...paragraphs] = section.split(/\n{2,}/);
      return [
        reason.trim(),
        paragraphs.map((one) => one.replaceAll("\n", " ").trim()).filter(Boolean),
      ];
    }),
  );
}

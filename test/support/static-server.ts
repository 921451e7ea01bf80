import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";

export interface StaticServer {
  /** "http://127.0.0.1:<port>" */
  readonly origin: string;
  close(): Promise<void>;
}

export interface StaticServerOptions {
  /** Serve with the two headers that give a page shared memory. */
  readonly isCrossOriginIsolated?: boolean;
}

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/**
 * Serves folders on a free port of this machine.
 *
 * @param folders URL prefix, with a slash at its end, to directory; the first that fits is taken
 */
export async function startStaticServer(
  folders: Readonly<Record<string, string>>,
  { isCrossOriginIsolated = false }: StaticServerOptions = {},
): Promise<StaticServer> {
  const send = async (pathname: string, response: ServerResponse): Promise<void> => {
    const found = Object.entries(folders).find(([prefix]) => pathname.startsWith(prefix));
    const file =
      found && join(found[1], normalize(pathname.slice(found[0].length) || "index.html"));
    const content = file === undefined ? undefined : await readFile(file).catch(() => undefined);
    const headers = {
      "content-type": contentTypes[extname(file ?? "")] ?? "application/octet-stream",
      ...(isCrossOriginIsolated && isolation),
    };
    response.writeHead(content === undefined ? 404 : 200, headers).end(content);
  };
  const server = createServer((request, response) => {
    void send(new URL(request.url ?? "/", "http://localhost").pathname, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

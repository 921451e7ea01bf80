import { open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

import { asOmpError, ErrorCode, isOmpError, OmpError } from "../../../../sdk/src/errors.ts";

export interface BundleDownload {
  /** http: or https:; redirections are not followed. */
  readonly url: string;
  /** The bytes so far; what is there already is gone on with. Beside it lies `<file>.source`. */
  readonly file: string;
  /** A longer answer is refused. */
  readonly maxBytes: number;
  /** PEM, of the server; the machine's own authorities when left out. */
  readonly ca?: string;
  readonly signal?: AbortSignal;
  /** Attempts in a row that bring nothing. Default 5. */
  readonly maxAttempts?: number;
  /** Wait before the second attempt, doubled for each further one. Default 500. */
  readonly retryMs?: number;
  /** Silence after which a connection counts as lost. Default 10_000. */
  readonly silenceMs?: number;
  readonly onProgress?: (bytes: number, total: number) => void;
}

/** Which content the bytes so far belong to. */
interface Source {
  readonly url: string;
  readonly etag: string;
}

/**
 * Fetches a file by HTTP range requests (RFC 9110, section 14). A cut connection, or a killed process, costs what was on the wire. Says
 * nothing about the content: the caller checks hash and signature.
 *
 * @throws {OmpError} BUNDLE_UNREADABLE when the server does not give it, BUNDLE_INVALID when it is too long, INVALID_ARGUMENT
 */
export async function downloadBundle(download: BundleDownload): Promise<void> {
  const { file, maxAttempts = 5, retryMs = 500, signal } = download;
  requireHttp(download.url);
  let failures = 0;
  for (;;) {
    const before = await sizeOf(file);
    try {
      await attempt(download);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (isOmpError(error)) throw error;
      const progressed = (await sizeOf(file)) > before;
      failures = progressed ? 0 : failures + 1;
      if (failures >= maxAttempts) {
        throw asOmpError(error, ErrorCode.BundleUnreadable, `${download.url} cannot be fetched`);
      }
      await sleep(retryMs * 2 ** failures, undefined, { signal });
    }
  }
}

/** Throws an OmpError when no further attempt can help. */
async function attempt(download: BundleDownload): Promise<void> {
  const { url, file, maxBytes, onProgress } = download;
  const source = await readSource(file);
  const isSame = source?.url === url && source.etag !== "";
  if (!isSame) await discardDownload(file);
  const offset = isSame ? await sizeOf(file) : 0;
  const response = await get(download, offset, source?.etag ?? "");
  const { statusCode = 0, headers } = response;
  if (statusCode === 416 && offset > 0) {
    response.resume();
    // All of it is here already, or it has changed: the caller's hash tells.
    if (headers["content-range"] === `bytes */${offset}`) return;
    await discardDownload(file);
    throw startAgain();
  }
  if (statusCode !== 200 && statusCode !== 206) {
    response.destroy();
    if (statusCode >= 500) throw startAgain();
    throw new OmpError(ErrorCode.BundleUnreadable, {
      what: `${url} cannot be fetched`,
      observed: `HTTP status ${statusCode}`,
      expected: "200 or 206",
    });
  }
  const start = statusCode === 206 ? rangeStart(headers["content-range"]) : 0;
  if (start !== offset && start !== 0) {
    response.destroy();
    await discardDownload(file);
    throw startAgain();
  }
  await writeFile(`${file}.source`, JSON.stringify({ url, etag: headers.etag ?? "" }));
  const total = start + Number(headers["content-length"] ?? Number.NaN);
  if (start < offset) await truncate(file, start);
  if (total > maxBytes) throw tooLong(url, total, maxBytes, response);
  let received = start;
  const target = await open(file, start === 0 ? "w" : "a");
  try {
    for await (const block of response as AsyncIterable<Buffer>) {
      received += block.length;
      if (received > maxBytes) throw tooLong(url, received, maxBytes, response);
      await target.write(block);
      onProgress?.(received, total);
    }
  } finally {
    await target.close();
  }
  if (!Number.isNaN(total) && received !== total) throw startAgain();
}

async function get(
  { url, ca, signal, silenceMs = 10_000 }: BundleDownload,
  offset: number,
  etag: string,
): Promise<IncomingMessage> {
  const headers = {
    "accept-encoding": "identity",
    ...(offset > 0 && { range: `bytes=${offset}-`, "if-range": etag }),
  };
  const request = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const options = { headers, ...(signal && { signal }), ...(ca !== undefined && { ca }) };
    const sent = request(url, options, resolve);
    sent.setTimeout(silenceMs, () => {
      sent.destroy(new Error(`nothing came for ${silenceMs} ms`));
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** Forgets what was fetched so far. */
export async function discardDownload(file: string): Promise<void> {
  await rm(file, { force: true });
  await rm(`${file}.source`, { force: true });
}

async function readSource(file: string): Promise<Source | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(`${file}.source`, "utf8"));
    const isSource =
      typeof value === "object" && value !== null && "url" in value && "etag" in value;
    return isSource ? { url: String(value.url), etag: String(value.etag) } : undefined;
  } catch {
    return undefined;
  }
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

function rangeStart(contentRange: string | undefined): number {
  return Number(/^bytes (\d+)-/.exec(contentRange ?? "")?.[1] ?? Number.NaN);
}

function requireHttp(url: string): void {
  if (URL.canParse(url) && /^https?:\/\//.test(url)) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "a bundle cannot be fetched from there",
    observed: JSON.stringify(url.slice(0, 200)),
    expected: "http://… or https://…",
  });
}

function tooLong(
  url: string,
  bytes: number,
  maxBytes: number,
  response: IncomingMessage,
): OmpError {
  response.destroy();
  return new OmpError(ErrorCode.BundleInvalid, {
    what: `${url} is too long`,
    observed: `${bytes} bytes or more`,
    expected: `at most ${maxBytes}`,
  });
}

/** Not for callers: the next attempt decides. */
function startAgain(): Error {
  return new Error("the server's answer does not continue what is here");
}

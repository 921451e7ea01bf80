import type { BundleReader } from "../../bundle/bundle-reader.ts";
import { asOmpError, ErrorCode, OmpError } from "../../errors.ts";

export interface FetchOptions {
  /** Used instead of the global `fetch`: to send credentials, to give up after a time, to read from a cache. */
  readonly fetch?: typeof globalThis.fetch;
}

/** A bundle that is a folder of a web server. Its hashes are computed by WebCrypto, which needs https or localhost. */
export class FetchBundleReader implements BundleReader {
  readonly location: string;
  readonly #fetch: typeof globalThis.fetch;

  /**
   * @param url the folder, with or without a slash at its end; relative to the page where there is one
   * @throws {OmpError} INVALID_ARGUMENT
   */
  constructor(url: string | URL, { fetch = globalThis.fetch }: FetchOptions = {}) {
    this.location = folderUrl(url).href;
    // A browser's fetch must not be called as a method of another object.
    this.#fetch = async (input, init) => fetch(input, init);
  }

  async read(file: string): Promise<Uint8Array> {
    const url = new URL(file, this.location);
    let response: Response;
    try {
      response = await this.#fetch(url);
    } catch (error) {
      throw asOmpError(error, ErrorCode.BundleUnreadable, `cannot fetch ${url.href}`);
    }
    if (!response.ok) {
      throw new OmpError(ErrorCode.BundleUnreadable, {
        what: `cannot fetch ${url.href}`,
        observed: `HTTP status ${response.status}`,
        expected: "200",
      });
    }
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      throw asOmpError(error, ErrorCode.BundleUnreadable, `${url.href} broke off`);
    }
  }

  /** None: the runtime gets the very bytes whose hash was checked. */
  path(): undefined {
    return undefined;
  }

  async sha256(bytes: Uint8Array): Promise<string> {
    const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
    if (subtle === undefined) {
      throw new OmpError(ErrorCode.BundleUnreadable, {
        what: "the files of a bundle cannot be checked on this page: it has no WebCrypto",
        next: "Serve it over https or from localhost.",
      });
    }
    const digest = new Uint8Array(await subtle.digest("SHA-256", new Uint8Array(bytes)));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

function folderUrl(url: string | URL): URL {
  const page: string | undefined = globalThis.document?.baseURI ?? globalThis.location?.href;
  try {
    const folder = new URL(url, page);
    if (!folder.pathname.endsWith("/")) folder.pathname += "/";
    return folder;
  } catch (error) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `${String(url)} is no URL of a bundle`,
      expected: page === undefined ? "an absolute URL" : `a URL, or a path relative to ${page}`,
      cause: error,
    });
  }
}

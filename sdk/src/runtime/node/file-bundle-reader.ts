import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { BundleReader } from "../../bundle/bundle-reader.ts";
import { asOmpError, ErrorCode } from "../../errors.ts";

/** A bundle that is a directory. */
export class FileBundleReader implements BundleReader {
  readonly location: string;

  constructor(directory: string) {
    this.location = directory;
  }

  async read(file: string): Promise<Uint8Array> {
    try {
      return await readFile(this.path(file));
    } catch (error) {
      throw asOmpError(error, ErrorCode.BundleUnreadable, `cannot read ${this.path(file)}`);
    }
  }

  path(file: string): string {
    return join(this.location, file);
  }

  async sha256(bytes: Uint8Array): Promise<string> {
    return Promise.resolve(createHash("sha256").update(bytes).digest("hex"));
  }
}

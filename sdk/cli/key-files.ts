import { readFile } from "node:fs/promises";
import type { KeyObject } from "node:crypto";

import { asOmpError, ErrorCode } from "../src/errors.ts";
import {
  readPrivateKey,
  readPublicKey,
  type TrustedKeys,
  trustKeys,
} from "../src/runtime/node/signed-bundle/bundle-key.ts";

/** @throws {OmpError} TOOL_FAILED for a file that cannot be read, INVALID_ARGUMENT for one that is no key */
export async function readPrivateKeyFile(path: string): Promise<KeyObject> {
  return readPrivateKey(await readText(path));
}

/** @throws {OmpError} as {@link readPrivateKeyFile} */
export async function readTrustedKeyFiles(paths: readonly string[]): Promise<TrustedKeys> {
  return trustKeys(
    await Promise.all(paths.map(async (path) => readPublicKey(await readText(path)))),
  );
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw asOmpError(error, ErrorCode.ToolFailed, `cannot read ${path}`);
  }
}

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

import { asOmpError, ErrorCode, OmpError } from "../../../errors.ts";
import type { BundleEntry } from "./bundle-contents.ts";

const blockBytes = 2 ** 16;

/** Undefined when the file ends before. */
export async function readExactly(
  source: FileHandle,
  position: number,
  length: number,
): Promise<Buffer | undefined> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await source.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) return undefined;
    filled += bytesRead;
  }
  return bytes;
}

/**
 * Hashes a file's bytes while they are copied.
 *
 * @param position where they begin in `source`
 * @throws {OmpError} BUNDLE_HASH_MISMATCH
 */
export async function copyChecked(
  source: FileHandle,
  position: number,
  entry: BundleEntry,
  target: FileHandle | undefined,
): Promise<void> {
  const hash = createHash("sha256");
  for (let done = 0; done < entry.bytes;) {
    const block = await readExactly(
      source,
      position + done,
      Math.min(blockBytes, entry.bytes - done),
    );
    if (block === undefined) break;
    hash.update(block);
    await target?.write(block);
    done += block.length;
  }
  const sha256 = hash.digest("hex");
  if (sha256 === entry.sha256) return;
  throw new OmpError(ErrorCode.BundleHashMismatch, {
    what: `${entry.name} is not the file the manifest names`,
    observed: `sha256 ${sha256}`,
    expected: `sha256 ${entry.sha256}`,
    next: "Get the bundle again.",
  });
}

/** @throws {OmpError} BUNDLE_HASH_MISMATCH */
export async function requireSize(source: FileHandle, { name, bytes }: BundleEntry): Promise<void> {
  const { size } = await source.stat();
  if (size === bytes) return;
  throw new OmpError(ErrorCode.BundleHashMismatch, {
    what: `${name} is not the file the manifest names`,
    observed: `${size} bytes`,
    expected: `${bytes} bytes`,
  });
}

/** On the disk when it resolves; never over a file that is there. */
export async function writeNew(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** @throws {OmpError} BUNDLE_UNREADABLE */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw asOmpError(error, ErrorCode.BundleUnreadable, `cannot read ${path}`);
  }
}

/** @throws {OmpError} BUNDLE_UNREADABLE, BUNDLE_INVALID when it is longer than `maxBytes` */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const source = await openFile(path);
  try {
    const { size } = await source.stat();
    if (size <= maxBytes) return await source.readFile();
    throw new OmpError(ErrorCode.BundleInvalid, {
      what: `${path} is too long`,
      observed: `${size} bytes`,
      expected: `at most ${maxBytes}`,
    });
  } finally {
    await source.close();
  }
}

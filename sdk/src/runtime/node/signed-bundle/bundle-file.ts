import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";

import type { Manifest } from "../../../bundle/manifest.ts";
import { asOmpError, ErrorCode, OmpError } from "../../../errors.ts";
import {
  bundleEntries,
  type BundleEntry,
  type BundleLimits,
  defaultBundleLimits,
  MANIFEST_FILE,
  maxManifestBytes,
  parseSignedManifest,
} from "./bundle-contents.ts";
import type { TrustedKeys } from "./bundle-key.ts";
import {
  type BundleSignature,
  encodeSignature,
  maxSignatureBytes,
  parseSignature,
  SIGNATURE_FILE,
  verifySignature,
} from "./bundle-signature.ts";
import {
  copyChecked,
  openFile,
  readBounded,
  readExactly,
  requireSize,
  writeNew,
} from "./checked-bytes.ts";
import { publishDirectory, removeDirectory } from "./durable-file.ts";

/** A bundle whose signature and hashes have been checked. */
export interface VerifiedBundle {
  readonly hash: string;
  readonly manifest: Manifest;
  readonly signature: BundleSignature;
}

export interface BundleCheck {
  readonly trusted: TrustedKeys;
  /** Default {@link defaultBundleLimits}. */
  readonly limits?: BundleLimits;
}

/** "OMPBNDL" and the version. */
export const magic: Buffer = Buffer.from("OMPBNDL\x01", "latin1");
const headBytes = magic.length + 8;

/** Where a file's checked bytes go; nowhere when undefined. */
type Sink = (entry: BundleEntry) => Promise<FileHandle> | undefined;

/** A packed bundle whose head has been checked. */
interface OpenBundle {
  readonly verified: VerifiedBundle;
  readonly manifestBytes: Buffer;
  /** Checks every file. */
  readonly copyTo: (sink: Sink) => Promise<void>;
}

/**
 * Checks a single-file bundle and writes nothing.
 *
 * @throws {OmpError} BUNDLE_UNREADABLE, BUNDLE_INVALID, BUNDLE_UNTRUSTED, BUNDLE_HASH_MISMATCH
 */
export async function verifyBundleFile(file: string, check: BundleCheck): Promise<VerifiedBundle> {
  return withBundleFile(file, check, async ({ copyTo, verified }) => {
    await copyTo(() => undefined);
    return verified;
  });
}

/**
 * Checks a single-file bundle and makes it a directory, which appears whole, on the disk, or not at all.
 *
 * @param directory must not exist
 * @throws {OmpError} as {@link verifyBundleFile}; INVALID_ARGUMENT when the directory exists
 */
export async function unpackBundle(
  file: string,
  directory: string,
  check: BundleCheck,
): Promise<VerifiedBundle> {
  const staging = `${directory}.partial`;
  await removeDirectory(staging);
  try {
    return await withBundleFile(file, check, async ({ verified, manifestBytes, copyTo }) => {
      await mkdir(staging);
      await writeNew(join(staging, MANIFEST_FILE), manifestBytes);
      await writeNew(join(staging, SIGNATURE_FILE), encodeSignature(verified.signature));
      await copyTo(({ name }) => open(join(staging, name), "wx"));
      await publishDirectory(staging, directory);
      return verified;
    });
  } catch (error) {
    await removeDirectory(staging);
    throw asOmpError(error, ErrorCode.BundleUnreadable, `cannot unpack ${file} into ${directory}`);
  }
}

/**
 * Checks a directory that was unpacked, every byte of it.
 *
 * @throws {OmpError} as {@link verifyBundleFile}
 */
export async function verifyBundleDirectory(
  directory: string,
  { trusted, limits = defaultBundleLimits }: BundleCheck,
): Promise<VerifiedBundle> {
  const manifestBytes = await readBounded(join(directory, MANIFEST_FILE), maxManifestBytes);
  const signature = parseSignature(
    await readBounded(join(directory, SIGNATURE_FILE), maxSignatureBytes),
  );
  verifySignature(manifestBytes, signature, trusted);
  const manifest = parseSignedManifest(manifestBytes, limits);
  for (const entry of bundleEntries(manifest)) {
    const source = await openFile(join(directory, entry.name));
    try {
      await requireSize(source, entry);
      await copyChecked(source, 0, entry, undefined);
    } finally {
      await source.close();
    }
  }
  return { hash: signature.bundleHash, manifest, signature };
}

async function withBundleFile(
  file: string,
  { trusted, limits = defaultBundleLimits }: BundleCheck,
  use: (bundle: OpenBundle) => Promise<VerifiedBundle>,
): Promise<VerifiedBundle> {
  const source = await openFile(file);
  try {
    const { signatureBytes, manifestBytes } = await readHead(source, file);
    const signature = parseSignature(signatureBytes);
    // Nothing of the manifest is read before its signature is known to be right.
    verifySignature(manifestBytes, signature, trusted);
    const manifest = parseSignedManifest(manifestBytes, limits);
    const entries = bundleEntries(manifest);
    const start = headBytes + signatureBytes.length + manifestBytes.length;
    const end = entries.reduce((offset, { bytes }) => offset + bytes, start);
    const { size } = await source.stat();
    if (size !== end) {
      throw new OmpError(ErrorCode.BundleInvalid, {
        what: `${file} is ${size < end ? "cut short" : "followed by bytes that do not belong to it"}`,
        observed: `${size} bytes`,
        expected: `${end} bytes`,
      });
    }
    const verified = { hash: signature.bundleHash, manifest, signature };
    const copyTo = async (sink: Sink): Promise<void> => {
      let offset = start;
      for (const entry of entries) {
        const target = await sink(entry);
        try {
          await copyChecked(source, offset, entry, target);
          await target?.sync();
        } finally {
          await target?.close();
        }
        offset += entry.bytes;
      }
    };
    return await use({ verified, manifestBytes, copyTo });
  } finally {
    await source.close();
  }
}

async function readHead(
  source: FileHandle,
  file: string,
): Promise<{ signatureBytes: Buffer; manifestBytes: Buffer }> {
  const start = await readExactly(source, 0, headBytes);
  if (start === undefined || !start.subarray(0, magic.length).equals(magic)) {
    throw new OmpError(ErrorCode.BundleInvalid, {
      what: `${file} is no packed bundle of version 1`,
      expected: "a file that `omp bundle pack` wrote",
    });
  }
  const signatureLength = start.readUInt32LE(magic.length);
  const manifestLength = start.readUInt32LE(magic.length + 4);
  if (signatureLength > maxSignatureBytes || manifestLength > maxManifestBytes) {
    throw new OmpError(ErrorCode.BundleInvalid, {
      what: `${file} announces too long a head`,
      observed: `signature ${signatureLength} bytes, manifest ${manifestLength} bytes`,
      expected: `at most ${maxSignatureBytes} and ${maxManifestBytes}`,
    });
  }
  const signatureBytes = await readExactly(source, headBytes, signatureLength);
  const manifestBytes = await readExactly(source, headBytes + signatureLength, manifestLength);
  if (signatureBytes !== undefined && manifestBytes !== undefined) {
    return { signatureBytes, manifestBytes };
  }
  throw new OmpError(ErrorCode.BundleInvalid, { what: `${file} is cut short` });
}

import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";

import {
  bundleEntries,
  defaultBundleLimits,
  MANIFEST_FILE,
  maxManifestBytes,
  parseSignedManifest,
} from "./bundle-contents.ts";
import { magic, type VerifiedBundle } from "./bundle-file.ts";
import { type BundleSignature, encodeSignature } from "./bundle-signature.ts";
import { copyChecked, openFile, readBounded, requireSize } from "./checked-bytes.ts";
import { removeDirectory, syncDirectory } from "./durable-file.ts";

/**
 * Writes the single-file form of models/MANIFEST.md. Nothing is left under `out` when a file is not the one the manifest names.
 *
 * @throws {OmpError} BUNDLE_UNREADABLE, BUNDLE_INVALID, BUNDLE_HASH_MISMATCH
 */
export async function packBundle(
  directory: string,
  sign: (manifest: Uint8Array) => BundleSignature,
  out: string,
): Promise<VerifiedBundle> {
  const manifestBytes = await readBounded(join(directory, MANIFEST_FILE), maxManifestBytes);
  const manifest = parseSignedManifest(manifestBytes, defaultBundleLimits);
  const signature = sign(manifestBytes);
  const partial = `${out}.partial`;
  try {
    const target = await open(partial, "w");
    try {
      await target.write(head(encodeSignature(signature).length, manifestBytes.length));
      await target.write(encodeSignature(signature));
      await target.write(manifestBytes);
      for (const entry of bundleEntries(manifest)) {
        const source = await openFile(join(directory, entry.name));
        try {
          await requireSize(source, entry);
          await copyChecked(source, 0, entry, target);
        } finally {
          await source.close();
        }
      }
      await target.sync();
    } finally {
      await target.close();
    }
    await rename(partial, out);
    await syncDirectory(dirname(out));
  } catch (error) {
    await removeDirectory(partial);
    throw error;
  }
  return { hash: signature.bundleHash, manifest, signature };
}

function head(signatureBytes: number, manifestBytes: number): Buffer {
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(signatureBytes, 0);
  lengths.writeUInt32LE(manifestBytes, 4);
  return Buffer.concat([magic, lengths]);
}

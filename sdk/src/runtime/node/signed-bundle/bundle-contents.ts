import { type Manifest, parseManifest } from "../../../bundle/manifest.ts";
import { asOmpError, ErrorCode, OmpError } from "../../../errors.ts";
import { SIGNATURE_FILE } from "./bundle-signature.ts";

/** What a robot lets a bundle be; a manifest alone allows far more. */
export interface BundleLimits {
  /** All files together. */
  readonly maxBytes: number;
  readonly maxFiles: number;
}

export const defaultBundleLimits: BundleLimits = { maxBytes: 2 * 2 ** 30, maxFiles: 64 };

export const MANIFEST_FILE = "manifest.json";
export const maxManifestBytes: number = 2 ** 20;

/** One file of a signed bundle, in the order of the single-file form. */
export interface BundleEntry {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Reads a manifest as strictly as transport needs: on top of models/MANIFEST.md every JSON key once, no file that takes another's
 * place, and all within the limits.
 *
 * @throws {OmpError} BUNDLE_INVALID
 */
export function parseSignedManifest(bytes: Uint8Array, limits: BundleLimits): Manifest {
  const text = decodeManifest(bytes);
  const manifest = parseManifest(text);
  requireEveryKeyOnce(text);
  const taken = new Set([MANIFEST_FILE, SIGNATURE_FILE]);
  for (const name of manifest.files.keys()) {
    const folded = name.toLowerCase();
    if (taken.has(folded)) {
      throw invalid(
        `two files would have the name ${folded}`,
        name,
        "names that differ by more than case",
      );
    }
    taken.add(folded);
  }
  if (manifest.files.size > limits.maxFiles) {
    throw invalid(
      "the bundle has too many files",
      `${manifest.files.size}`,
      `at most ${limits.maxFiles}`,
    );
  }
  const bytesOfAll = [...manifest.files.values()].reduce((sum, file) => sum + file.bytes, 0);
  if (bytesOfAll > limits.maxBytes) {
    throw invalid("the bundle is too large", `${bytesOfAll} bytes`, `at most ${limits.maxBytes}`);
  }
  return manifest;
}

/** By name in the order of UTF-8 bytes, which for these names is that of UTF-16 units. */
export function bundleEntries({ files }: Manifest): readonly BundleEntry[] {
  return [...files]
    .map(([name, { bytes, sha256 }]) => ({ name, bytes, sha256 }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function decodeManifest(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw asOmpError(error, ErrorCode.BundleInvalid, `${MANIFEST_FILE} is not UTF-8`);
  }
}

/** A key that comes twice would mean one thing to one parser and another to the next. */
function requireEveryKeyOnce(text: string): void {
  // Strings are taken whole, so that a colon inside one is no key.
  const written = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(
    ([, colon]) => colon,
  ).length;
  if (written === countKeys(JSON.parse(text))) return;
  throw invalid(`${MANIFEST_FILE} has a key twice`, `${written} keys`, "every key once");
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((sum: number, one) => sum + countKeys(one), own);
}

function invalid(what: string, observed: string, expected: string): OmpError {
  return new OmpError(ErrorCode.BundleInvalid, { what, observed, expected });
}

import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

import { asOmpError, ErrorCode, OmpError } from "../../../errors.ts";
import { JsonFields } from "../../../internal/json-fields.ts";
import { keyId, type TrustedKeys } from "./bundle-key.ts";

/** Who vouches for a bundle. The manifest holds the hash of every other file, so its hash stands for all of them. */
export interface BundleSignature {
  readonly keyId: string;
  /** The address of the bundle: lower-case hexadecimal SHA-256 of `manifest.json`. */
  readonly bundleHash: string;
  /** The signer allows a robot to go back to this version from a higher one. */
  readonly allowDowngrade: boolean;
  /** 64 bytes, base64. */
  readonly signature: string;
}

/** Its name in a bundle's directory. */
export const SIGNATURE_FILE = "signature.json";
/** A longer one is refused unread. */
export const maxSignatureBytes: number = 1024;

/** @param privateKey Ed25519 */
export function signManifest(
  manifest: Uint8Array,
  privateKey: KeyObject,
  { allowDowngrade = false }: { readonly allowDowngrade?: boolean } = {},
): BundleSignature {
  const bundleHash = hashManifest(manifest);
  const statement = signedText(bundleHash, allowDowngrade);
  return {
    keyId: keyId(createPublicKey(privateKey)),
    bundleHash,
    allowDowngrade,
    signature: sign(null, statement, privateKey).toString("base64"),
  };
}

/** @throws {OmpError} BUNDLE_UNTRUSTED */
export function verifySignature(
  manifest: Uint8Array,
  signature: BundleSignature,
  trusted: TrustedKeys,
): void {
  const key = trusted.get(signature.keyId);
  if (key === undefined) {
    throw new OmpError(ErrorCode.BundleUntrusted, {
      what: "the bundle is signed by a key that is not trusted here",
      observed: signature.keyId,
      expected: trusted.size === 0 ? "none, no key is trusted" : [...trusted.keys()].join(" or "),
    });
  }
  const bundleHash = hashManifest(manifest);
  const statement = signedText(bundleHash, signature.allowDowngrade);
  const bytes = Buffer.from(signature.signature, "base64");
  if (signature.bundleHash === bundleHash && verify(null, statement, key, bytes)) return;
  throw new OmpError(ErrorCode.BundleUntrusted, {
    what: "the signature is not of this manifest",
    observed: `manifest ${bundleHash}`,
    expected: signature.bundleHash,
    next: "Pack the bundle again, or get it again.",
  });
}

export function hashManifest(manifest: Uint8Array): string {
  return createHash("sha256").update(manifest).digest("hex");
}

/** The one form of a signature's file: any other byte is refused. */
export function encodeSignature(signature: BundleSignature): Buffer {
  const { keyId: key_id, bundleHash: bundle_hash, allowDowngrade: allow_downgrade } = signature;
  const fields = { key_id, bundle_hash, allow_downgrade, signature: signature.signature };
  return Buffer.from(`${JSON.stringify(fields)}\n`);
}

/** @throws {OmpError} BUNDLE_INVALID */
export function parseSignature(bytes: Uint8Array): BundleSignature {
  const fields = new JsonFields(parseJson(bytes), SIGNATURE_FILE);
  fields.allow("key_id", "bundle_hash", "allow_downgrade", "signature");
  const parsed = {
    keyId: fields.string("key_id"),
    bundleHash: fields.string("bundle_hash"),
    allowDowngrade: fields.literal("allow_downgrade", true, false),
    signature: fields.string("signature"),
  };
  const isWellFormed =
    /^[0-9a-f]{16}$/.test(parsed.keyId) &&
    /^[0-9a-f]{64}$/.test(parsed.bundleHash) &&
    Buffer.from(parsed.signature, "base64").length === 64;
  const canonical = Buffer.from(parsed.signature, "base64").toString("base64");
  const isCanonical = encodeSignature({ ...parsed, signature: canonical }).equals(bytes);
  if (isWellFormed && isCanonical) return parsed;
  throw new OmpError(ErrorCode.BundleInvalid, {
    what: `${SIGNATURE_FILE} is not written as models/MANIFEST.md says`,
    next: "Pack the bundle again.",
  });
}

/** What the Ed25519 signature is over; the first element keeps it apart from anything else that such a key signs. */
function signedText(bundleHash: string, allowDowngrade: boolean): Buffer {
  return Buffer.from(JSON.stringify(["omp-bundle-1", bundleHash, allowDowngrade]));
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw asOmpError(error, ErrorCode.BundleInvalid, `${SIGNATURE_FILE} is no JSON`);
  }
}

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

import { ErrorCode, OmpError } from "../../../errors.ts";

/** Public keys whose bundles a robot runs, by {@link keyId}. */
export type TrustedKeys = ReadonlyMap<string, KeyObject>;

/** A new key pair as PEM text: PKCS #8 and SubjectPublicKeyInfo (RFC 5958, RFC 8410). */
export interface KeyPair {
  readonly id: string;
  readonly privatePem: string;
  readonly publicPem: string;
}

/** Ed25519 (RFC 8032). */
export function createKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    id: keyId(publicKey),
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** The first 16 hexadecimal digits of the SHA-256 of the public key's DER form. */
export function keyId(publicKey: KeyObject): string {
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex").slice(0, 16);
}

/**
 * @param pem PKCS #8
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function readPrivateKey(pem: string): KeyObject {
  return requireEd25519(
    parseKey(() => createPrivateKey(pem), "private"),
    "private",
  );
}

/**
 * @param pem SubjectPublicKeyInfo; of a private key, its public half
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function readPublicKey(pem: string): KeyObject {
  return requireEd25519(
    parseKey(() => createPublicKey(pem), "public"),
    "public",
  );
}

export function trustKeys(publicKeys: readonly KeyObject[]): TrustedKeys {
  return new Map(publicKeys.map((key) => [keyId(key), key]));
}

// The runtime's message may quote the text, which can be a secret: it is left out.
function parseKey(parse: () => KeyObject, kind: string): KeyObject {
  try {
    return parse();
  } catch {
    throw wrongKey(kind, "text that is no key");
  }
}

function requireEd25519(key: KeyObject, kind: string): KeyObject {
  if (key.asymmetricKeyType === "ed25519") return key;
  throw wrongKey(kind, `a key of type ${key.asymmetricKeyType ?? "unknown"}`);
}

function wrongKey(kind: string, observed: string): OmpError {
  return new OmpError(ErrorCode.InvalidArgument, {
    what: `this is no ${kind} key for bundles`,
    observed,
    expected: `an Ed25519 ${kind} key as PEM`,
    next: "`omp keys new` makes a pair.",
  });
}

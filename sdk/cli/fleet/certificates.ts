import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ErrorCode, OmpError } from "../../src/errors.ts";

/** PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

const caDays = 3650;
const leafDays = 825;

/**
 * A certificate authority that signs itself. Keys are P-256, made here; certificates are made by the program openssl.
 *
 * @throws {OmpError} TOOL_FAILED
 */
export function createAuthority(name: string): KeyAndCertificate {
  return withFolder((folder) => {
    const key = newKey();
    write(folder, "key", key);
    write(
      folder,
      "conf",
      [
        "[req]",
        "distinguished_name=name",
        "[name]",
        "[ca]",
        "basicConstraints=critical,CA:TRUE,pathlen:0",
        "keyUsage=critical,keyCertSign,cRLSign",
        "subjectKeyIdentifier=hash\n",
      ].join("\n"),
    );
    const request = `req -x509 -new -key key -days ${caDays} -config conf -extensions ca -subj`;
    const certificate = openssl(folder, [...request.split(" "), `/CN=${name}`]);
    return { key, certificate };
  });
}

/**
 * @param use of the certificate: a broker must not pass as a robot, nor a robot as a broker
 * @param hosts names and addresses of a server
 * @throws {OmpError} TOOL_FAILED
 */
export function createCertificate(
  authority: KeyAndCertificate,
  commonName: string,
  use: "server" | "client",
  hosts: readonly string[] = [],
): KeyAndCertificate {
  return withFolder((folder) => {
    const key = newKey();
    write(folder, "key", key);
    write(folder, "ca.key", authority.key);
    write(folder, "ca.crt", authority.certificate);
    write(folder, "conf", "[req]\ndistinguished_name=name\n[name]\n");
    const names = hosts.map((host) => `${isIP(host) === 0 ? "DNS" : "IP"}:${host}`).join(",");
    write(
      folder,
      "extensions",
      [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        `extendedKeyUsage=${use}Auth`,
        "subjectKeyIdentifier=hash",
        "authorityKeyIdentifier=keyid",
        ...(names === "" ? [] : [`subjectAltName=${names}`]),
        "",
      ].join("\n"),
    );
    const ask = "req -new -key key -config conf -subj";
    write(folder, "request", openssl(folder, [...ask.split(" "), `/CN=${commonName}`]));
    const grant = `x509 -req -in request -CA ca.crt -CAkey ca.key -sha256 -days ${leafDays} -extfile extensions`;
    const certificate = openssl(folder, [...grant.split(" "), "-set_serial", serial()]);
    return { key, certificate };
  });
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** 126 random bits that are not 0. */
function serial(): string {
  return `0x4${globalThis.crypto.randomUUID().replaceAll("-", "").slice(1)}`;
}

/** A folder that only this user can read and that is gone afterwards. */
function withFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "omp-certificate-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
}

function openssl(folder: string, args: readonly string[]): string {
  const { stdout, stderr, status, error } = spawnSync("openssl", args, {
    cwd: folder,
    encoding: "utf8",
  });
  if (status === 0) return stdout;
  throw new OmpError(ErrorCode.ToolFailed, {
    what: `openssl ${args[0]} failed`,
    observed: error?.message ?? (stderr.trim() || `exit status ${status}`),
    expected: "openssl 1.1.1 or newer in the PATH",
    next: "On Debian: apt-get install openssl.",
  });
}

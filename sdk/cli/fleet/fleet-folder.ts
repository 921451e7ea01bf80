import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

import { ErrorCode, OmpError } from "../../src/errors.ts";
import { createAuthority, createCertificate } from "./certificates.ts";
import { accessList, brokerConfiguration } from "./mosquitto-files.ts";

/** Who may connect to a fleet's broker. */
export type ClientRole = "robot" | "operator" | "watcher";

export const clientRoles: readonly ClientRole[] = ["robot", "operator", "watcher"];
/** In the folder of a client. */
export const clientFiles = { ca: "ca.crt", certificate: "client.crt", key: "client.key" } as const;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * What `omp fleet init` writes:
 *
 * - `ca/`: the authority; keep its key off the robots and off the broker
 * - `broker/`: mosquitto.conf, its access list, key and certificate
 * - `robot/<id>/`, `operator/<name>/`, `watcher/<name>/`: what one client needs
 */
export class FleetFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = resolve(path);
  }

  /** @throws {OmpError} INVALID_STATE when there is none */
  static open(path: string): FleetFolder {
    const folder = new FleetFolder(path);
    if (existsSync(folder.#authorityPath("crt"))) return folder;
    throw new OmpError(ErrorCode.InvalidState, {
      what: `${path} is no fleet`,
      expected: "a folder that `omp fleet init` wrote",
    });
  }

  /**
   * @param hosts by which clients reach the broker
   * @throws {OmpError} INVALID_ARGUMENT, INVALID_STATE when there is one already, TOOL_FAILED
   */
  static create(path: string, hosts: readonly string[], port: number): FleetFolder {
    const wrong = hosts.find((host) => !/^[A-Za-z0-9.:-]{1,253}$/.test(host));
    if (wrong !== undefined || hosts.length === 0) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "a broker's host is not usable",
        observed: JSON.stringify(wrong ?? ""),
        expected: "a host name or an address",
      });
    }
    const folder = new FleetFolder(path);
    if (existsSync(folder.#authorityPath("key"))) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: `${path} has an authority already`,
        next: "A new one would lock every robot out. Remove the folder if that is what you want.",
      });
    }
    const authority = createAuthority("omp fleet authority");
    const broker = createCertificate(authority, hosts[0] ?? "broker", "server", hosts);
    const brokerPath = join(folder.path, "broker");
    writeSecret(folder.#authorityPath("key"), authority.key);
    writePublic(folder.#authorityPath("crt"), authority.certificate);
    writePublic(join(brokerPath, "ca.crt"), authority.certificate);
    writePublic(join(brokerPath, "broker.crt"), broker.certificate);
    writeSecret(join(brokerPath, "broker.key"), broker.key);
    writePublic(join(brokerPath, "mosquitto.conf"), brokerConfiguration(brokerPath, port));
    folder.#writeAccessList();
    return folder;
  }

  /**
   * Makes key and certificate of a client and lets it in.
   *
   * @returns the folder to copy to that client
   * @throws {OmpError} INVALID_ARGUMENT, INVALID_STATE when it exists already, TOOL_FAILED
   */
  add(role: ClientRole, name: string): string {
    const client = this.#clientPath(role, name);
    if (existsSync(client)) {
      throw new OmpError(ErrorCode.InvalidState, {
        what: `the ${role} ${name} exists already`,
        next: "Remove it first to give it a new key.",
      });
    }
    const authority = {
      key: readFileSync(this.#authorityPath("key"), "utf8"),
      certificate: readFileSync(this.#authorityPath("crt"), "utf8"),
    };
    const { key, certificate } = createCertificate(authority, commonName(role, name), "client");
    writePublic(join(client, clientFiles.ca), authority.certificate);
    writePublic(join(client, clientFiles.certificate), certificate);
    writeSecret(join(client, clientFiles.key), key);
    this.#writeAccessList();
    return client;
  }

  /**
   * Shuts a client out, also one whose key was stolen: its certificate stays valid, and may do nothing.
   *
   * @throws {OmpError} INVALID_ARGUMENT, INVALID_STATE when there is none
   */
  remove(role: ClientRole, name: string): void {
    const client = this.#clientPath(role, name);
    if (!existsSync(client)) {
      throw new OmpError(ErrorCode.InvalidState, { what: `there is no ${role} ${name}` });
    }
    rmSync(client, { recursive: true });
    this.#writeAccessList();
  }

  clients(role: ClientRole): readonly string[] {
    const path = join(this.path, role);
    return existsSync(path) ? readdirSync(path).toSorted() : [];
  }

  #writeAccessList(): void {
    const users = clientRoles.flatMap((role) =>
      this.clients(role).map((name) => ({ role, name, user: commonName(role, name) })),
    );
    const path = join(this.path, "broker", "acl");
    writePublic(`${path}.new`, accessList(users));
    renameSync(`${path}.new`, path);
  }

  #authorityPath(extension: "key" | "crt"): string {
    return join(this.path, "ca", `ca.${extension}`);
  }

  #clientPath(role: ClientRole, name: string): string {
    if (namePattern.test(name)) return join(this.path, role, name);
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `the ${role}'s name is not usable`,
      observed: JSON.stringify(name),
      expected: "1 to 64 of A-Z a-z 0-9 . _ -, starting with a letter or digit",
    });
  }
}

/** The user of the access list. A robot's id has no colon, so that no robot can be named like an operator. */
function commonName(role: ClientRole, name: string): string {
  return role === "robot" ? name : `${role}:${name}`;
}

function writeSecret(path: string, text: string): void {
  writeFile(path, text, 0o600);
}

function writePublic(path: string, text: string): void {
  writeFile(path, text, 0o644);
}

function writeFile(path: string, text: string, mode: number): void {
  mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
}

import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { asOmpError, ErrorCode, isOmpError, OmpError } from "../../../../sdk/src/errors.ts";
import {
  type BundleCheck,
  unpackBundle,
  type VerifiedBundle,
  verifyBundleDirectory,
} from "../../../../sdk/src/runtime/node/signed-bundle/bundle-file.ts";
import {
  removeDirectory,
  syncDirectory,
} from "../../../../sdk/src/runtime/node/signed-bundle/durable-file.ts";
import { compareVersions } from "./bundle-version.ts";
import { type FinishedUpdate, maxDetail, type Slots, SlotTable } from "./slot-table.ts";

export interface BundleStoreOptions extends BundleCheck {
  /** Made when it is missing. One process at a time. */
  readonly directory: string;
}

/** A bundle of the store. */
export interface StoredBundle extends VerifiedBundle {
  readonly directory: string;
}

const hashPattern = /^[0-9a-f]{64}$/;

/**
 * The bundles of one robot, each in a directory named by its hash, and which of them runs.
 *
 * Every step is one rename: a process that is killed, or a machine that loses power, at any moment leaves a store that opens and
 * whose committed bundle is whole.
 */
export class BundleStore {
  readonly #options: BundleStoreOptions;
  readonly #table: SlotTable;

  private constructor(options: BundleStoreOptions, table: SlotTable) {
    this.#options = options;
    this.#table = table;
  }

  /**
   * Rolls back a trial that the last process did not end, and removes what it left behind.
   *
   * @throws {OmpError} BUNDLE_UNREADABLE, BUNDLE_INVALID
   */
  static async open(options: BundleStoreOptions): Promise<BundleStore> {
    for (const folder of ["bundles", "incoming"]) {
      await mkdir(join(options.directory, folder), { recursive: true });
    }
    const table = await SlotTable.open(join(options.directory, "slots.json"));
    const store = new BundleStore(options, table);
    if (table.slots.trial !== "") await store.rollBack("the process ended during the trial");
    await store.#removeRemains();
    return store;
  }

  get slots(): Slots {
    return this.#table.slots;
  }

  /** Where a download of `hash` is collected. */
  incomingFile(hash: string): string {
    return join(this.#options.directory, "incoming", requireHash(hash));
  }

  /**
   * The bundle to start with: the committed one, or the one before when the disk has damaged it. Checked, every byte.
   *
   * @throws {OmpError} BUNDLE_UNREADABLE when there is none
   */
  async openCommitted(): Promise<StoredBundle> {
    const { committed, fallback } = this.slots;
    const found = await this.find(committed);
    if (found !== undefined) return found;
    const before = await this.find(fallback);
    if (before === undefined) {
      throw new OmpError(ErrorCode.BundleUnreadable, {
        what: `${this.#options.directory} holds no bundle to run`,
        observed: committed === "" ? "nothing was installed" : `${committed} is damaged`,
        next: "Install one.",
      });
    }
    const detail = "the committed bundle is damaged";
    const last = { hash: committed, outcome: "rolled_back", detail } as const;
    await this.#table.change({ committed: fallback, fallback: "", last });
    return before;
  }

  /** The bundle of this hash when it is here and whole; a damaged one is removed. */
  async find(hash: string): Promise<StoredBundle | undefined> {
    if (!hashPattern.test(hash)) return undefined;
    const directory = this.#directoryOf(hash);
    if ((await stat(directory).catch(() => undefined)) === undefined) return undefined;
    try {
      const verified = await verifyBundleDirectory(directory, this.#options);
      if (verified.hash === hash) return { ...verified, directory };
    } catch (error) {
      // A key that is no longer trusted leaves the bundle where it is.
      if (!isOmpError(error) || isOmpError(error, "BUNDLE_UNTRUSTED")) throw error;
    }
    await this.#remove(hash);
    return undefined;
  }

  /**
   * Unpacks a packed bundle into the store. Nothing runs it yet.
   *
   * @throws {OmpError} as `unpackBundle`; BUNDLE_HASH_MISMATCH when it is another bundle than `hash`
   */
  async add(file: string, hash: string): Promise<StoredBundle> {
    const there = await this.find(hash);
    if (there !== undefined) return there;
    const directory = this.#directoryOf(requireHash(hash));
    const received = join(this.#options.directory, "bundles", "received");
    await removeDirectory(received);
    const verified = await unpackBundle(file, received, this.#options);
    if (verified.hash !== hash) {
      await removeDirectory(received);
      throw new OmpError(ErrorCode.BundleHashMismatch, {
        what: `${file} is another bundle than the one asked for`,
        observed: verified.hash,
        expected: hash,
      });
    }
    await rename(received, directory);
    await syncDirectory(join(this.#options.directory, "bundles"));
    return { ...verified, directory };
  }

  /**
   * Whether a bundle may run here: its version is not below one of the same policy that proved itself here, unless it is that
   * one, the committed one or the one before, or its signer allows the way back.
   *
   * @throws {OmpError} BUNDLE_REFUSED
   */
  requireNoDowngrade({ hash, manifest, signature }: VerifiedBundle): void {
    const { committed, fallback, highest } = this.slots;
    const known = highest.get(manifest.bundleId);
    if (known === undefined || signature.allowDowngrade) return;
    if ([committed, fallback, known.hash].includes(hash)) return;
    if (compareVersions(manifest.bundleVersion, known.version) > 0) return;
    throw new OmpError(ErrorCode.BundleRefused, {
      what: `${manifest.bundleId} must not go back`,
      observed: manifest.bundleVersion,
      expected: `a version above ${known.version}`,
      next: "Raise bundle_version, or sign it with --allow-downgrade.",
    });
  }

  /** From now on a start goes back to the committed bundle until `commit`. */
  async beginTrial(hash: string): Promise<void> {
    await this.#table.change({ trial: requireHash(hash) });
  }

  /** The bundle proved itself: from now on a start runs it. Also the first one, without a trial. */
  async commit({ hash, manifest }: VerifiedBundle): Promise<void> {
    const { committed, fallback, highest } = this.slots;
    const { bundleId, bundleVersion: version } = manifest;
    const known = highest.get(bundleId);
    const isHighest = known === undefined || compareVersions(version, known.version) >= 0;
    await this.#table.change({
      committed: hash,
      fallback: committed === hash ? fallback : committed,
      trial: "",
      highest: isHighest ? new Map(highest).set(bundleId, { version, hash }) : highest,
      last: { hash, outcome: "healthy", detail: "" },
    });
  }

  /** Commits the bundle of before again. The one that is left is no way back: it has to prove itself anew. */
  async returnToFallback(): Promise<void> {
    const { fallback: hash } = this.slots;
    const last = { hash, outcome: "healthy", detail: "it ran here before" } as const;
    await this.#table.change({ committed: hash, fallback: "", last });
  }

  /** Ends the trial; what is committed stays so. */
  async rollBack(detail: string): Promise<void> {
    const last = { hash: this.slots.trial, outcome: "rolled_back", detail: cut(detail) } as const;
    await this.#table.change({ trial: "", last });
  }

  /** Notes that a bundle was not even tried. */
  async refuse(hash: string, detail: string): Promise<void> {
    const last: FinishedUpdate = { hash, outcome: "refused", detail: cut(detail) };
    await this.#table.change({ last });
  }

  /** Removes every bundle and download but the committed one, the one before, the one under trial and `keep`. */
  async collect(keep: string = ""): Promise<void> {
    const { committed, fallback, trial } = this.slots;
    const kept = new Set([committed, fallback, trial, keep]);
    for (const name of await this.#list("bundles")) if (!kept.has(name)) await this.#remove(name);
    for (const name of await this.#list("incoming")) {
      if (name.slice(0, 64) === keep) continue;
      await rm(join(this.#options.directory, "incoming", name), { force: true });
    }
  }

  #directoryOf(hash: string): string {
    return join(this.#options.directory, "bundles", hash);
  }

  /** First out of its name, so that a bundle never stands there by halves. */
  async #remove(name: string): Promise<void> {
    const directory = this.#directoryOf(name);
    const removed = `${directory}.removed`;
    await removeDirectory(removed);
    try {
      await rename(directory, removed);
      await syncDirectory(join(this.#options.directory, "bundles"));
    } catch (error) {
      throw asOmpError(error, ErrorCode.BundleUnreadable, `cannot remove ${directory}`);
    }
    await removeDirectory(removed);
  }

  async #removeRemains(): Promise<void> {
    for (const name of await this.#list("bundles")) {
      if (!hashPattern.test(name)) await removeDirectory(this.#directoryOf(name));
    }
  }

  async #list(folder: string): Promise<readonly string[]> {
    return readdir(join(this.#options.directory, folder));
  }
}

function requireHash(hash: string): string {
  if (hashPattern.test(hash)) return hash;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "this is no bundle hash",
    observed: JSON.stringify(hash.slice(0, 80)),
    expected: "64 lower-case hexadecimal digits",
  });
}

function cut(detail: string): string {
  return detail.slice(0, maxDetail);
}

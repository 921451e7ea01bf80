import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  createKeyPair,
  type KeyPair,
  readPrivateKey,
  readPublicKey,
  type TrustedKeys,
  trustKeys,
} from "../../sdk/src/runtime/node/signed-bundle/bundle-key.ts";
import { signManifest } from "../../sdk/src/runtime/node/signed-bundle/bundle-signature.ts";
import { packBundle } from "../../sdk/src/runtime/node/signed-bundle/pack-bundle.ts";
import { makeTinyBundle, type TinyBundleOptions } from "./tiny-bundle.ts";

export interface PackedBundle {
  readonly hash: string;
  readonly file: string;
}

/** Signs tiny bundles with a key of its own, in a folder of its own. */
export class SignedBundles {
  readonly folder: string;
  readonly pair: KeyPair;
  readonly trusted: TrustedKeys;
  #made = 0;

  private constructor(folder: string, pair: KeyPair) {
    this.folder = folder;
    this.pair = pair;
    this.trusted = trustKeys([readPublicKey(pair.publicPem)]);
  }

  static async create(): Promise<SignedBundles> {
    return new SignedBundles(await mkdtemp(join(tmpdir(), "omp-bundles-")), createKeyPair());
  }

  async pack(options: TinyBundleOptions, allowDowngrade: boolean = false): Promise<PackedBundle> {
    this.#made += 1;
    const directory = join(this.folder, `made-${this.#made}`);
    await makeTinyBundle(directory, options);
    const file = `${directory}.omp`;
    const key = readPrivateKey(this.pair.privatePem);
    const sign = (manifest: Uint8Array): ReturnType<typeof signManifest> =>
      signManifest(manifest, key, { allowDowngrade });
    const { hash } = await packBundle(directory, sign, file);
    return { hash, file };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

import { stat } from "node:fs/promises";

import { ErrorCode, OmpError } from "../../src/errors.ts";
import {
  unpackBundle,
  type VerifiedBundle,
  verifyBundleDirectory,
  verifyBundleFile,
} from "../../src/runtime/node/signed-bundle/bundle-file.ts";
import { signManifest } from "../../src/runtime/node/signed-bundle/bundle-signature.ts";
import { packBundle } from "../../src/runtime/node/signed-bundle/pack-bundle.ts";
import type { Command } from "../command.ts";
import { type ParsedCommand, parseCommand } from "../command-options.ts";
import { readPrivateKeyFile, readTrustedKeyFiles } from "../key-files.ts";

const jobs: Readonly<Record<string, (options: ParsedCommand) => Promise<VerifiedBundle>>> = {
  pack: async (options) => {
    const key = await readPrivateKeyFile(options.requiredText("key"));
    const allowDowngrade = options.flag("allow-downgrade");
    return packBundle(
      options.operands[1] ?? "",
      (manifest) => signManifest(manifest, key, { allowDowngrade }),
      options.requiredText("out"),
    );
  },
  unpack: async (options) => {
    const trusted = await readTrustedKeyFiles(options.requiredTexts("trust"));
    return unpackBundle(options.operands[1] ?? "", options.requiredText("out"), { trusted });
  },
  verify: async (options) => {
    const trusted = await readTrustedKeyFiles(options.requiredTexts("trust"));
    const path = options.operands[1] ?? "";
    const isDirectory = (await stat(path).catch(() => undefined))?.isDirectory() === true;
    return isDirectory
      ? verifyBundleDirectory(path, { trusted })
      : verifyBundleFile(path, { trusted });
  },
};

/** The signed form of a bundle, for transport. */
export const bundle: Command = {
  summary: "sign a bundle into one file for transport, and check or unpack such a file",
  usage: `usage: omp bundle pack DIR --key FILE --out FILE [--allow-downgrade] [--json]
       omp bundle verify FILE|DIR --trust PUB [--json]
       omp bundle unpack FILE --out DIR --trust PUB [--json]

  --key FILE         private key that signs, of omp keys new
  --trust PUB        public key whose bundles are taken; may be given several times
  --out PATH         what is written; it appears whole or not at all
  --allow-downgrade  robots may go back to this version from a higher one
  --json             one JSON object: hash, bundle id and version, key id

verify and unpack check the signature before they read anything else, then every byte. The golden outputs are the business of
omp verify. Exit status: 0 done, 1 the bundle was refused, 2 wrong call.`,

  async run(args) {
    const options = parseCommand(
      args,
      {
        key: { type: "string" },
        out: { type: "string" },
        trust: { type: "string", multiple: true },
        "allow-downgrade": { type: "boolean" },
        json: { type: "boolean" },
      },
      ["JOB", "PATH"],
    );
    const [name = ""] = options.operands;
    const job = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
    if (job === undefined) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: `omp bundle knows no job ${name}`,
        expected: Object.keys(jobs).join(", "),
      });
    }
    const { hash, manifest, signature } = await job(options);
    const { bundleId, bundleVersion } = manifest;
    if (options.flag("json")) {
      const fields = {
        bundle_id: bundleId,
        bundle_version: bundleVersion,
        key_id: signature.keyId,
      };
      console.log(JSON.stringify({ hash, ...fields, allow_downgrade: signature.allowDowngrade }));
    } else {
      console.log(`${hash}  ${bundleId} ${bundleVersion}, signed by ${signature.keyId}`);
    }
    return 0;
  },
};

import { writeFile } from "node:fs/promises";

import { asOmpError, ErrorCode, OmpError } from "../../src/errors.ts";
import { createKeyPair } from "../../src/runtime/node/signed-bundle/bundle-key.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";
import { readTrustedKeyFiles } from "../key-files.ts";

/** Makes and shows the keys that sign bundles. */
export const keys: Command = {
  summary: "make and show the Ed25519 keys that sign bundles",
  usage: `usage: omp keys new NAME
       omp keys show FILE

  new   writes NAME.key, the private key, readable by its owner only, and NAME.pub, the public key for the robots
  show  the id and the public key of a .key or .pub file

Neither replaces a file. Whoever has the private key decides what the robots run: keep it off the robots.
Exit status: 0 done, 1 not done, 2 wrong call.`,

  async run(args) {
    const { operands } = parseCommand(args, {}, ["JOB", "NAME"]);
    const [job = "", name = ""] = operands;
    if (job === "new") {
      const pair = createKeyPair();
      await writeNewFile(`${name}.key`, pair.privatePem, 0o600);
      await writeNewFile(`${name}.pub`, pair.publicPem, 0o644);
      console.log(`${pair.id}  ${name}.key ${name}.pub`);
      return 0;
    }
    if (job === "show") {
      for (const [id, key] of await readTrustedKeyFiles([name])) {
        console.log(id);
        console.log(key.export({ type: "spki", format: "pem" }).toString().trimEnd());
      }
      return 0;
    }
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: `omp keys knows no job ${job}`,
      expected: "new or show",
    });
  },
};

async function writeNewFile(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx", mode });
  } catch (error) {
    throw asOmpError(error, ErrorCode.ToolFailed, `cannot write ${path}`);
  }
}

import { checkFiles, describeManifest } from "../../../models/src/bundle-report.ts";
import { parseManifest } from "../../src/bundle/manifest.ts";
import { FileBundleReader } from "../../src/runtime/node/file-bundle-reader.ts";
import type { Command } from "../command.ts";
import { parseCommand } from "../command-options.ts";

/** Shows what a bundle is and whether its files are the ones its manifest names. */
export const inspect: Command = {
  summary: "show what a bundle holds and check its files",
  usage: `usage: omp inspect BUNDLE [--json]

  --json  one JSON object: the manifest and the state of every file

Reads and checks the manifest and compares size and SHA-256 of every file. Runs no model and needs no Python.
Exit status: 0 all files are right, 1 one is not or the manifest is invalid, 2 wrong call.`,

  async run(args) {
    const options = parseCommand(args, { json: { type: "boolean" } }, ["BUNDLE"]);
    const reader = new FileBundleReader(options.operands[0] ?? "");
    const text = new TextDecoder().decode(await reader.read("manifest.json"));
    const manifest = parseManifest(text);
    const files = await checkFiles(reader, manifest);
    if (options.flag("json")) {
      const content: unknown = JSON.parse(text);
      console.log(JSON.stringify({ manifest: content, files }, undefined, 2));
    } else {
      for (const line of describeManifest(manifest)) console.log(line);
      for (const { file, bytes, state } of files) {
        console.log(`file      ${file}, ${bytes} bytes, ${state}`);
      }
    }
    return files.every(({ state }) => state === "ok") ? 0 : 1;
  },
};

import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { bytesOf, namesIn, numberOf, orUndefined, textOf } from "./system-files.ts";

/** What Linux says of a machine in files. What cannot be read is not known: a sensor may be switched off, a file forbidden. */
export class MachineFiles {
  readonly #root: string;

  /** @param root the machine's root folder; tests give one of their own */
  constructor(root: string = "/") {
    this.#root = root;
  }

  /** Without surrounding blanks and the zero byte at the end of a device tree's strings. */
  text(path: string): string | undefined {
    return textOf(join(this.#root, path));
  }

  /** As `text`, of a file compressed by gzip. */
  unzipped(path: string): string | undefined {
    const bytes = bytesOf(join(this.#root, path));
    return bytes && orUndefined(() => gunzipSync(bytes).toString("utf8"));
  }

  /** A file that holds one number and nothing else. */
  number(path: string): number | undefined {
    return numberOf(join(this.#root, path));
  }

  /** Names in a folder that begin with `prefix`, in the order of their numbers. */
  names(folder: string, prefix: string): readonly string[] {
    const names = namesIn(join(this.#root, folder)) ?? [];
    return names
      .filter((name) => name.startsWith(prefix))
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  }
}

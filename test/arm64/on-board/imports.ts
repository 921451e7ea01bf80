import { readFile } from "node:fs/promises";
import { arch } from "node:os";

import { SerialPort } from "serialport";

import { repositoryPath } from "../../support/repository.ts";

const manifest: { readonly exports: Readonly<Record<string, unknown>> } = JSON.parse(
  await readFile(repositoryPath("package.json"), "utf8"),
);
const entries = Object.keys(manifest.exports)
  .filter((entry) => !entry.endsWith(".json"))
  .map((entry) => entry.replace(/^\./, "omp-edge"));
const names: Record<string, number> = {};
for (const entry of entries) {
  const module: object = await import(entry);
  names[entry] = Object.keys(module).length;
}
// Opening is native code.
const port = new SerialPort({ path: "/dev/no-such-port", baudRate: 115_200, autoOpen: false });
const serialport = await new Promise<string>((resolve) => {
  port.open((error) => resolve(error?.message ?? "opened"));
});
console.log(JSON.stringify({ arch: arch(), node: process.version, names, serialport }));

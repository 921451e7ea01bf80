import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { link } from "./link.ts";
import type { Bench } from "./measurement.ts";
import { points } from "./points.ts";
import { serialWorkers } from "./serial-workers.ts";

const benches: Readonly<Record<string, Bench>> = { link, points, "serial-workers": serialWorkers };

const { values, positionals } = parseArgs({
  options: { json: { type: "string" } },
  allowPositionals: true,
});
const bench = benches[positionals[0] ?? ""];
if (bench === undefined || positionals.length !== 1) {
  console.error("usage: npm run bench -- NAME [--json FILE]");
  for (const [name, { summary }] of Object.entries(benches)) {
    console.error(`  ${name.padEnd(16)}${summary}`);
  }
  process.exitCode = 2;
} else {
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    node: process.version,
    load_before: loadavg()[0],
  };
  const { figures, samples } = await bench.run((line) => {
    console.error(`▸ ${line}`);
  });
  console.log(JSON.stringify({ machine, figures }, undefined, 2));
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine, figures, samples }, undefined, 1)}\n`);
  }
}

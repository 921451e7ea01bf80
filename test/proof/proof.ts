import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { bridge } from "./bridge.ts";
import { fleet } from "./fleet.ts";
import type { Proof } from "./measurement.ts";
import { models } from "./models.ts";
import { realtime } from "./realtime.ts";
import { walk } from "./walk.ts";

const proofs: Readonly<Record<string, Proof>> = { walk, bridge, models, realtime, fleet };

const { values, positionals } = parseArgs({
  options: { json: { type: "string" } },
  allowPositionals: true,
});
const proof = proofs[positionals[0] ?? ""];
if (proof === undefined || positionals.length !== 1) {
  console.error("usage: npm run proof -- NAME [--json FILE]");
  for (const [name, { summary }] of Object.entries(proofs)) console.error(`  ${name}  ${summary}`);
  process.exitCode = 2;
} else {
  const figures = await proof.measure((line) => {
    console.error(`▸ ${line}`);
  });
  const text = JSON.stringify(figures, undefined, 2);
  console.log(text);
  if (values.json !== undefined) writeFileSync(values.json, `${text}\n`);
  const misses = proof.judge(figures);
  for (const miss of misses) console.error(`missed: ${miss}`);
  process.exitCode = misses.length === 0 ? 0 : 1;
}

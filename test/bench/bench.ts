import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { isOmpError } from "../../sdk/src/errors.ts";
import { coldStart } from "./cold-start.ts";
import { handover } from "./handover.ts";
import { inference } from "./inference.ts";
import { installedSize } from "./installed-size.ts";
import { link } from "./link.ts";
import type { Bench, BenchReport } from "./measurement.ts";
import { points } from "./points.ts";
import { sensorToWire } from "./sensor-to-wire.ts";
import { serialWorkers } from "./serial-workers.ts";
import { spread } from "./spread.ts";
import { stageCost } from "./stage-cost.ts";
import { ticks } from "./ticks.ts";
import { workerHop } from "./worker-hop.ts";

const benches: Readonly<Record<string, Bench>> = {
  inference,
  "sensor-to-wire": sensorToWire,
  "cold-start": coldStart,
  points,
  handover,
  spread,
  "worker-hop": workerHop,
  "stage-cost": stageCost,
  "installed-size": installedSize,
  ticks,
  link,
  "serial-workers": serialWorkers,
};

function usage(): string {
  const names = Object.entries(benches).map(
    ([name, { summary }]) => `  ${name.padEnd(16)}${summary}`,
  );
  return ["usage: npm run bench -- [NAME...] [--json FILE]", "", ...names].join("\n");
}

/** Numbers of at least 100 without, others with three significant digits. */
function table(figures: BenchReport["figures"]): readonly string[] {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  return Object.entries(figures).map(([name, value]) => {
    const text = Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
    return `  ${name.padEnd(width)}  ${text.padStart(8)}`;
  });
}

async function main(names: readonly string[], file: string | undefined): Promise<void> {
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    arch: process.arch,
    node: process.version,
    load_before: loadavg()[0],
  };
  const reports: Record<string, BenchReport> = {};
  const skipped: Record<string, string> = {};
  console.log(`${machine.cpus} x ${machine.cpu}, ${machine.arch}, Node ${machine.node}`);
  for (const name of names) {
    console.log(`\n${name}: ${benches[name]?.summary}`);
    try {
      const report = await benches[name]?.run((line) => {
        console.error(`▸ ${line}`);
      });
      if (report === undefined) continue;
      reports[name] = report;
      for (const line of table(report.figures)) console.log(line);
    } catch (error) {
      // A compiler or PyTorch that is not there, or a robot that this machine was too busy for.
      if (!isOmpError(error, "TOOL_FAILED")) throw error;
      skipped[name] = error.message;
      console.log(`  skipped: ${error.message}`);
    }
  }
  if (file === undefined) return;
  writeFileSync(file, `${JSON.stringify({ machine, benches: reports, skipped }, undefined, 1)}\n`);
}

const { values, positionals } = parseArgs({
  options: { json: { type: "string" }, help: { type: "boolean", short: "h" } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => benches[name] === undefined);
if (unknown.length > 0 || values.help === true) {
  console.error(usage());
  process.exitCode = values.help === true ? 0 : 2;
} else {
  const short = Object.keys(benches).filter((name) => benches[name]?.isLong !== true);
  await main(positionals.length > 0 ? positionals : short, values.json);
}

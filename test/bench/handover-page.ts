/**
 * Puts what `npm run bench -- handover spread --json FILE` measured into sdk/HANDOVER.md and its figures beside it:
 * `node dist/test/bench/handover-page.js FILE`.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

import { repositoryPath } from "../support/repository.ts";
import { figureName } from "./handover.ts";
import { cases, delaysMs, type HandoverTask, tasks } from "./handover-cases.ts";

type Figures = Readonly<Record<string, number>>;

interface Measured {
  readonly machine: Readonly<Record<string, unknown>>;
  readonly benches: Readonly<Record<"handover" | "spread", { readonly figures: Figures }>>;
}

const page = repositoryPath("sdk/HANDOVER.md");
const figuresFile = repositoryPath("sdk/handover.json");

function tableOf(figures: Figures, { name: task, ...spec }: HandoverTask): string[] {
  const at = (name: string, delayMs: number, what: string): number =>
    figures[figureName(task, name, delayMs, what)] ?? Number.NaN;
  const episodes = figures["episodes_each"] ?? Number.NaN;
  const measured = cases.filter(({ name }) => Number.isFinite(at(name, 0, "successes")));
  return [
    `**${task}**: the puck within ${spec.successRadius * 1000} mm, a chunk every ${spec.nActionSteps * 50} ms. Successes of ${episodes}, jerk in rad/s³;`,
    "in the last column the largest step in velocity, rad/s, and faults of all episodes of the row.",
    "",
    `| inference takes | ${delaysMs.map((ms) => `${ms} ms`).join(" | ")} | step, faults |`,
    `| --- | ${delaysMs.map(() => "--- |").join(" ")} --- |`,
    ...measured.map(({ name }) => {
      const cells = delaysMs.map(
        (ms) => `${at(name, ms, "successes")}, ${at(name, ms, "jerk_rms").toFixed(0)}`,
      );
      const sum = (what: string): number =>
        delaysMs.reduce((total, ms) => total + at(name, ms, what), 0);
      const step = (sum("velocity_step") / delaysMs.length).toFixed(2);
      return `| ${name} | ${cells.join(" | ")} | ${step}, ${sum("faults")} |`;
    }),
    "",
  ];
}

function spreadLines(figures: Figures): string[] {
  const at = (key: string): number => figures[key] ?? Number.NaN;
  const places = Object.keys(figures)
    .filter((key) => key.endsWith("_4_spread_p50"))
    .map((key) => key.replace("_4_spread_p50", ""));
  return [
    `| spread of 4 samples (of 8) | p50 | p90 | p99 | larger than where trained | successes of ${at("episodes_each")} |`,
    "| --- | --- | --- | --- | --- | --- |",
    ...places.map((place) => {
      const both = (what: string): string =>
        `${at(`${place}_4_${what}`)} (${at(`${place}_8_${what}`)})`;
      const auc = place === "trained" ? "" : both("auc");
      const quantiles = ["spread_p50", "spread_p90", "spread_p99"].map(both);
      return `| ${place.replaceAll("_", " ")} | ${quantiles.join(" | ")} | ${auc} | ${figures[`${place}_4_successes`] ?? ""} |`;
    }),
  ];
}

function replaceSection(text: string, name: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const before = text.slice(0, text.indexOf(begin) + begin.length);
  return `${before}\n\n${lines.join("\n")}\n\n${text.slice(text.indexOf(end))}`;
}

const file = process.argv[2];
if (file === undefined || process.argv.length !== 3) {
  console.error("usage: node dist/test/bench/handover-page.js FILE");
  process.exitCode = 2;
} else {
  const { machine, benches }: Measured = JSON.parse(readFileSync(file, "utf8"));
  const [handover, spread] = [benches.handover.figures, benches.spread.figures];
  const tables = tasks.flatMap((task) => tableOf(handover, task));
  const text = replaceSection(readFileSync(page, "utf8"), "tables", tables);
  writeFileSync(page, replaceSection(text, "spread", spreadLines(spread)));
  writeFileSync(figuresFile, `${JSON.stringify({ machine, handover, spread }, undefined, 1)}\n`);
  const prettier = repositoryPath("node_modules/prettier/bin/prettier.cjs");
  spawnSync(process.execPath, [prettier, "--write", page, figuresFile], { stdio: "inherit" });
}

import {
  BundleServer,
  FleetOperator,
  FleetRollout,
  type RolloutProgress,
  type RolloutResult,
} from "../../../firmware-bridge/src/fleet/index.ts";
import { ErrorCode, OmpError } from "../../src/errors.ts";
import { verifyBundleFile } from "../../src/runtime/node/signed-bundle/bundle-file.ts";
import { type ParsedCommand, parseCommand } from "../command-options.ts";
import { readPrivateKeyFile, readTrustedKeyFiles } from "../key-files.ts";
import { printable } from "../watch-table.ts";
import { brokerOptions, brokerOptionTypes } from "./broker-options.ts";
import type { FleetJob } from "./fleet-job.ts";

/** Retained births and bundles come at once, heartbeats within a second. */
const discoveryMs = 2000;

export const rollout: FleetJob = {
  usage: `  rollout FILE       bring robots to a packed bundle, in waves; take it back from all when one does not keep it
    --trust PUB        public key that must have signed FILE; may be given several times
    --url URL          where robots fetch FILE; or
    --serve HOST:PORT  serve it from here, by HTTP, for as long as the rollout runs
    --group NAME       only robots of this group
    --canary NAME      the robots of this group are the first wave
    --waves LIST       per cent of the robots at the end of each wave (1,10,50,100)
    --max-failures N   robots that may fail before everything is taken back (0)
    --soak S           seconds a wave is watched before the next one begins (10)
    --timeout S        seconds a robot has for download and trial (600)
    --retry            ask robots again that took this bundle back or refused it
    --issuer NAME      who asks (omp-cli); with --key FILE, commands are signed as that issuer
    --json             one JSON object a line: the progress, then the result
    The same call again goes on where an interrupted one stopped. Exit status 1: taken back, or robots were offline.`,

  async run(args, signal) {
    const options = parseCommand(
      args,
      {
        ...brokerOptionTypes,
        trust: { type: "string", multiple: true },
        url: { type: "string" },
        serve: { type: "string" },
        group: { type: "string" },
        canary: { type: "string" },
        waves: { type: "string" },
        "max-failures": { type: "string" },
        soak: { type: "string" },
        timeout: { type: "string" },
        retry: { type: "boolean" },
        issuer: { type: "string" },
        key: { type: "string" },
        json: { type: "boolean" },
      },
      ["FILE"],
    );
    const file = options.operands[0] ?? "";
    const trusted = await readTrustedKeyFiles(options.requiredTexts("trust"));
    const { hash, manifest } = await verifyBundleFile(file, { trusted });
    const key = options.text("key");
    const issuer = options.text("issuer") ?? "omp-cli";
    const privateKey = key === undefined ? undefined : await readPrivateKeyFile(key);
    const server = await startServer(options);
    const operator = await FleetOperator.connect({
      ...brokerOptions(options),
      issuer,
      maxRobots: 100_000,
      ...(privateKey && { privateKey }),
    });
    try {
      await new Promise((resolve) => {
        setTimeout(resolve, discoveryMs);
      });
      const isJson = options.flag("json");
      if (!isJson) console.log(`${hash}  ${manifest.bundleId} ${manifest.bundleVersion}`);
      const percents = options.text("waves")?.split(",").map(Number);
      const result = await new FleetRollout({
        operator,
        bundleHash: hash,
        url: server?.add(hash, file) ?? options.text("url") ?? "",
        group: options.text("group"),
        canaryGroup: options.text("canary"),
        ...(percents && { percents }),
        maxFailures: options.integer("max-failures", 0, 0, 100_000),
        soakMs: options.integer("soak", 10, 0, 86_400) * 1000,
        robotTimeoutMs: options.integer("timeout", 600, 1, 86_400) * 1000,
        retry: options.flag("retry"),
        signal,
        onProgress: isJson ? printJson : printLine,
      }).run();
      printResult(result, isJson);
      if (result.outcome === "interrupted") return 130;
      return result.outcome === "complete" ? 0 : 1;
    } finally {
      await operator.close();
      await server?.close();
    }
  },
};

async function startServer(options: ParsedCommand): Promise<BundleServer | undefined> {
  const serve = options.text("serve");
  if ((serve === undefined) === (options.text("url") === undefined)) {
    throw new OmpError(ErrorCode.InvalidArgument, { what: "give --url or --serve, one of them" });
  }
  if (serve === undefined) return undefined;
  const [, host = "", port = ""] = /^(.+):(\d{1,5})$/.exec(serve) ?? [];
  if (host === "" || Number(port) > 65_535) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "--serve is not usable",
      observed: serve,
      expected: "HOST:PORT, where robots reach this machine",
    });
  }
  return BundleServer.start({ host, port: Number(port) });
}

function printJson({ robotId, outcome, detail, wave, waves }: RolloutProgress): void {
  console.log(JSON.stringify({ robot_id: robotId, outcome, detail, wave, waves }));
}

function printLine({ robotId, outcome, detail, wave, waves }: RolloutProgress): void {
  const parts = [`${wave}/${waves}`, robotId, outcome, printable(detail)];
  console.log(parts.filter((part) => part !== "").join("  "));
}

function printResult({ outcome, cause, robots }: RolloutResult, isJson: boolean): void {
  const counts: Record<string, number> = {};
  for (const one of robots.values()) counts[one] = (counts[one] ?? 0) + 1;
  if (isJson) {
    const byRobot = Object.fromEntries(robots);
    console.log(JSON.stringify({ result: outcome, cause, counts, robots: byRobot }));
    return;
  }
  const summary = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  console.log(
    [outcome, printable(cause), summary.join(", ")].filter((one) => one !== "").join("  "),
  );
}

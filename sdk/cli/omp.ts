#!/usr/bin/env node
import { isOmpError } from "../src/errors.ts";
import type { Command } from "./command.ts";

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import("./commands/demo.ts")).demo,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  service: async () => (await import("./commands/service.ts")).service,
  fleet: async () => (await import("./commands/fleet.ts")).fleet,
  watch: async () => (await import("./commands/watch.ts")).watch,
  motors: async () => (await import("./commands/motors.ts")).motors,
  data: async () => (await import("./commands/data.ts")).data,
  train: async () => (await import("./commands/train.ts")).train,
  export: async () => (await import("./commands/export.ts")).exportCommand,
  eval: async () => (await import("./commands/eval.ts")).evalCommand,
  verify: async () => (await import("./commands/verify.ts")).verify,
  study: async () => (await import("./commands/study.ts")).study,
  serve: async () => (await import("./commands/serve.ts")).serve,
  recording: async () => (await import("./commands/recording.ts")).recording,
  tune: async () => (await import("./commands/tune.ts")).tune,
  inspect: async () => (await import("./commands/inspect.ts")).inspect,
  keys: async () => (await import("./commands/keys.ts")).keys,
  bundle: async () => (await import("./commands/bundle.ts")).bundle,
};

async function help(): Promise<string> {
  const lines = ["usage: omp <command> [options]", ""];
  for (const [name, load] of Object.entries(commands)) {
    lines.push(`  ${name.padEnd(10)} ${(await load()).summary}`);
  }
  lines.push("", "omp <command> --help tells more.");
  return lines.join("\n");
}

/** Aborts on the first Ctrl-C or SIGTERM; the second one ends the process without waiting. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === "--help" || name === "-h") {
    console.log(await help());
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    console.error(`omp: no command "${name}". One of: ${Object.keys(commands).join(", ")}.`);
    return 2;
  }
  const command = await load();
  if (args.includes("--help") || args.includes("-h")) {
    console.log(command.usage);
    return 0;
  }
  return command.run(args, interruptSignal());
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(isOmpError(error) ? `omp: ${error.message}` : error);
  process.exitCode = isOmpError(error, "INVALID_ARGUMENT") ? 2 : 1;
}

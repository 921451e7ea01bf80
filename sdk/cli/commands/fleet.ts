import { ErrorCode, OmpError } from "../../src/errors.ts";
import type { Command } from "../command.ts";
import type { FleetJob } from "../fleet/fleet-job.ts";

const jobs: Readonly<Record<string, () => Promise<FleetJob>>> = {
  ui: async () => (await import("../fleet/ui.ts")).ui,
  init: async () => (await import("../fleet/init.ts")).init,
  add: async () => (await import("../fleet/add.ts")).add,
  remove: async () => (await import("../fleet/add.ts")).remove,
  stop: async () => (await import("../fleet/send.ts")).stop,
  hold: async () => (await import("../fleet/send.ts")).hold,
  rearm: async () => (await import("../fleet/send.ts")).rearm,
  rate: async () => (await import("../fleet/send.ts")).rate,
  rollout: async () => (await import("../fleet/rollout.ts")).rollout,
};

async function usageOfJobs(): Promise<string> {
  const texts = await Promise.all(Object.values(jobs).map(async (load) => (await load()).usage));
  return texts.join("\n");
}

export const fleet: Command = {
  summary: "a page of all robots; stop, hold and rearm them; roll out bundles; secure a broker",
  usage: `usage: omp fleet <job> [options]

${await usageOfJobs()}

All that talk to a broker:
  --broker URL       mqtt://127.0.0.1:1883 unless told otherwise; mqtts:// for TLS
  --credentials DIR  folder with ca.crt, client.crt and client.key, as init and add write it

Exit status: 0 done, 1 refused, failed or no answer, 2 wrong call, 130 interrupted.`,

  async run(args, signal) {
    const [name = "", ...rest] = args;
    const load = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
    if (load !== undefined) return (await load()).run(rest, signal);
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "omp fleet needs to know what to do",
      observed: name === "" ? "nothing" : name,
      expected: Object.keys(jobs).join(", "),
    });
  },
};

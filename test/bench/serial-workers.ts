import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { PtyEcho } from "../support/pty-echo.ts";
import type { WorkerStress } from "../support/worker-stress.ts";
import type { Bench } from "./measurement.ts";

const runs = 10;
const stressProgram = fileURLToPath(new URL("../support/worker-stress.js", import.meta.url));

const ways: Readonly<Record<string, Omit<WorkerStress, "driver" | "paths"> & { workers: number }>> =
  {
    one_worker: { workers: 1, rounds: 5, cycles: 10, isTerminated: false },
    one_worker_terminated: { workers: 1, rounds: 5, cycles: 10, isTerminated: true },
    two_workers: { workers: 2, rounds: 5, cycles: 10, isTerminated: false },
    two_workers_terminated: { workers: 2, rounds: 5, cycles: 10, isTerminated: true },
  };

/** Whether a process survives serial ports in its worker threads, with the bare npm package and with linux-tty. */
export const serialWorkers: Bench = {
  summary: "processes that survive serial ports opened and closed in worker threads",

  async run(say) {
    const figures: Record<string, number> = { runs_each: runs };
    const samples: Record<string, number[]> = {};
    for (const [name, { workers, ...stress }] of Object.entries(ways)) {
      for (const driver of ["npm serialport", "linux-tty"] as const) {
        say(`${driver}, ${name.replaceAll("_", " ")}`);
        const survived: number[] = [];
        for (let run = 0; run < runs; run++) {
          const echo = await PtyEcho.start(workers);
          survived.push(Number(await survives({ ...stress, driver, paths: echo.paths })));
          echo.close();
        }
        const key = `${driver.replace(/\W/g, "_")}_${name}`;
        samples[key] = survived;
        figures[`survived_${key}`] = survived.reduce((sum, one) => sum + one, 0);
      }
    }
    return { figures, samples };
  },
};

async function survives(stress: WorkerStress): Promise<boolean> {
  const child = spawn(process.execPath, [stressProgram, JSON.stringify(stress)], {
    stdio: "ignore",
  });
  await once(child, "exit");
  return child.exitCode === 0;
}

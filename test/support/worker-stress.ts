import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

import {
  openSerialTransport,
  type SerialDriver,
} from "../../firmware-bridge/src/transport/serial-transport.ts";
import { MonotonicClock } from "../../sdk/src/runtime/node/monotonic-clock.ts";

/**
 * Opens, writes, reads and closes serial ports in worker threads; a program of its own, because what it looks for ends the process.
 *
 *     node worker-stress.js '{"driver": …, "paths": […], "rounds": …, "cycles": …, "isTerminated": …}'
 *
 * Prints the bytes that came back from ports that echo, in all workers together.
 */
export interface WorkerStress {
  /** "npm serialport" is the bare package, without what refuses it in a worker. */
  readonly driver: "npm serialport" | SerialDriver;
  /** One worker each, at the same time. */
  readonly paths: readonly string[];
  /** Generations of workers. */
  readonly rounds: number;
  /** Opens of a worker's port. */
  readonly cycles: number;
  /** Workers are terminated at a random moment after their first open instead of coming to their end. */
  readonly isTerminated: boolean;
}

const frame = new Uint8Array(64).fill(7);
const framesPerCycle = 20;

if (isMainThread) {
  const stress: WorkerStress = JSON.parse(process.argv[2] ?? "");
  let bytes = 0;
  for (let round = 0; round < stress.rounds; round++) {
    const workers = stress.paths.map((path) =>
      runWorker(path, stress, (count) => {
        bytes += count;
      }),
    );
    await Promise.all(workers);
  }
  console.log(bytes);
} else {
  const { path, driver, cycles }: { path: string } & WorkerStress = workerData;
  for (let i = 0; i < cycles; i++) {
    const isBare = driver === "npm serialport";
    parentPort?.postMessage(await (isBare ? cycleBare(path) : cycleTransport(path, driver)));
  }
}

function runWorker(
  path: string,
  stress: WorkerStress,
  received: (bytes: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { ...stress, path } });
    worker.on("message", received);
    if (stress.isTerminated) {
      worker.once("message", () => {
        setTimeout(() => void worker.terminate(), Math.random() * 100);
      });
    }
    worker.once("error", reject);
    worker.once("exit", () => {
      resolve();
    });
  });
}

async function cycleTransport(path: string, driver: SerialDriver): Promise<number> {
  const clock = new MonotonicClock();
  const transport = await openSerialTransport({ clock, path, driver });
  parentPort?.postMessage(0);
  let bytes = 0;
  transport.onData((piece) => {
    bytes += piece.length;
  });
  for (let i = 0; i < framesPerCycle; i++) {
    transport.write(frame, 0, frame.length);
    await sleep(0);
  }
  await transport.close();
  return bytes;
}

/** As the transport uses it: opened by serialport, read by it, written to through its descriptor. */
async function cycleBare(path: string): Promise<number> {
  // Its mere presence in a worker that is terminated ends the process.
  const { SerialPort } = await import("serialport");
  const port = new SerialPort({ path, baudRate: 1_000_000, lock: false, autoOpen: false });
  port.on("error", () => {});
  await new Promise((resolve) => {
    port.open(resolve);
  });
  parentPort?.postMessage(0);
  let bytes = 0;
  port.on("data", (piece: Buffer) => {
    bytes += piece.length;
  });
  const binding: object | undefined = port.port;
  const descriptor = binding !== undefined && "fd" in binding ? Number(binding.fd) : -1;
  for (let i = 0; i < framesPerCycle; i++) {
    writeSync(descriptor, frame);
    await sleep(0);
  }
  await new Promise((resolve) => {
    port.close(resolve);
  });
  return bytes;
}

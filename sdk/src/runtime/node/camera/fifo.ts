import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ErrorCode, OmpError } from "../../../errors.ts";

/** A FIFO in a folder that only this user can read; `remove` takes both away. */
export interface PrivateFifo {
  readonly path: string;
  readonly remove: () => void;
}

/** @throws {OmpError} SENSOR_FAILED where no FIFO can be made */
export function makeFifo(): PrivateFifo {
  const folder = mkdtempSync(join(tmpdir(), "omp-frames-"));
  const path = join(folder, "frames");
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  const { error, status, stderr } = spawnSync("mkfifo", [path], { encoding: "utf8" });
  if (status === 0) return { path, remove };
  remove();
  throw new OmpError(ErrorCode.SensorFailed, {
    what: "a FIFO for frames cannot be made",
    observed: error?.message ?? stderr,
    expected: "the program mkfifo",
  });
}

/** @throws {OmpError} SENSOR_FAILED when there is none */
export function requireFifo(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFIFO() === true) return;
  throw new OmpError(ErrorCode.SensorFailed, {
    what: `${path} cannot be read`,
    observed: found === undefined ? "no such file" : "no FIFO",
    next: "Make it with mkfifo.",
  });
}

/** Lets a reader go on that waits for a byte, or for somebody to write. */
export function wakeReader(path: string): void {
  try {
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(descriptor, new Uint8Array(1));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Nobody reads at the moment, or the FIFO is full and the reader needs no byte.
  }
}

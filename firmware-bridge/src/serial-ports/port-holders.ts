import { join } from "node:path";

import { linkOf, namesIn, textOf } from "../system-files.ts";

/** A process that has a port open. */
export interface PortHolder {
  readonly pid: number;
  /** "ModemManager" */
  readonly name: string;
}

export interface PortHolders {
  readonly holders: readonly PortHolder[];
  /** False when some processes could not be looked into, as those of other users. */
  readonly isComplete: boolean;
}

/**
 * Who has a device open, read from the open files of every process.
 *
 * @param path as the kernel names it: "/dev/ttyUSB0", not a link to it
 */
export function portHolders(path: string, root: string = "/"): PortHolders {
  const processes = join(root, "proc");
  const holders: PortHolder[] = [];
  let isComplete = true;
  for (const entry of namesIn(processes) ?? []) {
    if (!/^\d+$/.test(entry)) continue;
    const files = join(processes, entry, "fd");
    const descriptors = namesIn(files);
    if (descriptors === undefined) isComplete = false;
    if (!descriptors?.some((descriptor) => linkOf(join(files, descriptor)) === path)) continue;
    holders.push({ pid: Number(entry), name: textOf(join(processes, entry, "comm")) ?? "unknown" });
  }
  return { holders: holders.sort((a, b) => a.pid - b.pid), isComplete };
}

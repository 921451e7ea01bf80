import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

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
    if (!descriptors?.some((descriptor) => leadsTo(join(files, descriptor), path))) continue;
    holders.push({ pid: Number(entry), name: nameOf(join(processes, entry, "comm")) });
  }
  return { holders: holders.sort((a, b) => a.pid - b.pid), isComplete };
}

function leadsTo(link: string, path: string): boolean {
  try {
    return readlinkSync(link) === path;
  } catch {
    return false;
  }
}

function nameOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "unknown";
  }
}

function namesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}

/**
 * Files in which Linux describes a machine. What cannot be read is not known, and undefined: a port may be unplugged while it is
 * looked at, a sensor switched off, a file forbidden.
 */
import { readFileSync, readdirSync, readlinkSync, realpathSync } from "node:fs";

export function bytesOf(path: string): Buffer | undefined {
  return orUndefined(() => readFileSync(path));
}

/** Without surrounding blanks and the zero byte at the end of a device tree's strings. */
export function textOf(path: string): string | undefined {
  return bytesOf(path)?.toString("utf8").replaceAll("\0", " ").trim();
}

/** Of a file that holds one number and nothing else. */
export function numberOf(path: string): number | undefined {
  const text = textOf(path);
  const value = text === undefined || text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Where a link leads, as it says. */
export function linkOf(path: string): string | undefined {
  return orUndefined(() => readlinkSync(path));
}

/** What a path leads to in the end. */
export function targetOf(path: string): string | undefined {
  return orUndefined(() => realpathSync(path));
}

export function namesIn(folder: string): string[] | undefined {
  return orUndefined(() => readdirSync(folder));
}

export function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

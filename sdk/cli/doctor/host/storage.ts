import type { Finding } from "../finding.ts";

/** Free space where a folder lies, bytes. */
export interface Storage {
  readonly folder: string;
  readonly freeBytes: number;
}

const MEGA = 1e6;
/** Less is not enough for one model update beside the running one. */
const LEAST_BYTES = 200 * MEGA;
const COMFORTABLE_BYTES = 1000 * MEGA;

export function judgeStorage({ folder, freeBytes }: Storage): Finding {
  const check = "disk";
  const text = `${Math.floor(freeBytes / MEGA)} MB free at ${folder}`;
  if (freeBytes >= COMFORTABLE_BYTES) return { check, level: "ok", text };
  const level = freeBytes < LEAST_BYTES ? "problem" : "advice";
  const fix = "sudo apt-get clean && sudo journalctl --vacuum-size=200M";
  return { check, level, text, fix };
}

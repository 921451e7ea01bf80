import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, open, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** More than libuv has threads. */
const calls = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4) + 2;

/**
 * Fills libuv's thread pool with calls that do not return, as hung name look-ups do: each opens a named pipe that nobody writes to.
 *
 * @returns ends them
 */
export async function blockThreadPool(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "omp-pool-"));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const opening = Array.from({ length: calls }, () => promisify(open)(pipe, "r"));
  await sleep(20);
  const end = async (): Promise<void> => {
    const writer = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    for (const descriptor of [...(await Promise.all(opening)), writer]) closeSync(descriptor);
    rmSync(folder, { recursive: true, force: true });
  };
  return () => {
    void end();
  };
}

import { setTimeout as sleep } from "node:timers/promises";

const maxTries = 8;
const retryMs = 25;

/**
 * Tries again for a moment what fails because a port is locked. A lock ends when the kernel lets go of the open file. That can be a little
 * after its close: another thread may be inside a read of it, and a child that any thread starts has a copy of every descriptor until it
 * becomes another program.
 *
 * @throws what the last try threw
 */
export async function whileLocked<T>(
  attempt: () => Promise<T>,
  isLocked: (error: unknown) => boolean,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === maxTries || !isLocked(error)) throw error;
      await sleep(retryMs);
    }
  }
}

import { writeSync } from "node:fs";

/**
 * Writes to a non-blocking descriptor on the calling thread. An asynchronous write would take a detour through the thread pool, where it
 * waits behind whatever blocks that.
 *
 * @returns how many bytes the kernel took, 0 when its buffer is full
 * @throws the system's error when the descriptor is broken: EIO after an unplug
 */
export function writeDescriptor(
  descriptor: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  try {
    return writeSync(descriptor, bytes, start, length);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return 0;
    throw error;
  }
}

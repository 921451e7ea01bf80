import { open, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Replaces a file so that after a crash or a power loss at any moment it holds the old content or the new one, whole.
 *
 * Two calls for one path must not overlap.
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const next = `${path}.next`;
  await writeFile(next, content, { flush: true });
  await rename(next, path);
  await syncDirectory(dirname(path));
}

/** Makes a directory appear under its name whole or not at all. What lies in it must be on the disk already. */
export async function publishDirectory(from: string, to: string): Promise<void> {
  await syncDirectory(from);
  await rename(from, to);
  await syncDirectory(dirname(to));
}

/** Makes renames and removals in a directory outlive a power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes a directory that nobody may rely on any more. */
export async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

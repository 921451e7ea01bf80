import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import {
  acknowledgementTag,
  decodeRecords,
  encodeRecord,
  type StoredRecord,
} from "./record-format.ts";

const namePattern = /^(\d{16})\.(\d)\.log$/;

/** One file of a log. What is noted here is on disk after `persist`. Calls of the async methods must not overlap. */
export class Segment {
  /** Number of its first record; part of its name. */
  readonly first: number;
  readonly #folder: string;
  #level: number;
  /** Numbers of the records that are not acknowledged. */
  readonly #waiting = new Set<number>();
  #writtenBytes = 0;
  #unwrittenBytes = 0;
  #unwritten: Buffer[] = [];
  /** A write failed: what is behind `#writtenBytes` is not known. */
  #isDirty = false;
  #isRemoved = false;
  /** True when all its unacknowledged records are with the owner of the log. */
  isTaken = true;

  constructor(folder: string, first: number, level: number = 0) {
    this.#folder = folder;
    this.first = first;
    this.#level = level;
  }

  /** The number and level in a file's name, or undefined when it is no segment. */
  static parseName(name: string): { readonly first: number; readonly level: number } | undefined {
    const [, first, level] = namePattern.exec(name) ?? [];
    return first === undefined ? undefined : { first: Number(first), level: Number(level) };
  }

  get path(): string {
    const name = `${String(this.first).padStart(16, "0")}.${this.#level}.log`;
    return join(this.#folder, name);
  }

  /** How often every second record was taken out. */
  get level(): number {
    return this.#level;
  }

  get bytes(): number {
    return this.#writtenBytes + this.#unwrittenBytes;
  }

  /** Records that are not acknowledged. */
  get remaining(): number {
    return this.#waiting.size;
  }

  /** True for a record that is not acknowledged. */
  has(number: number): boolean {
    return this.#waiting.has(number);
  }

  acknowledge(number: number): void {
    this.#waiting.delete(number);
  }

  get hasUnwritten(): boolean {
    return this.#unwritten.length > 0 && !this.#isRemoved;
  }

  /** Reads the file of an earlier process, which is never written to again. */
  async recover(): Promise<{
    readonly records: readonly StoredRecord[];
    readonly isTorn: boolean;
  }> {
    const bytes = await readFile(this.path);
    const decoded = decodeRecords(bytes);
    this.#writtenBytes = bytes.length;
    for (const { number, tag } of decoded.records) {
      if (tag !== acknowledgementTag) this.#waiting.add(number);
    }
    this.isTaken = false;
    return decoded;
  }

  note(record: StoredRecord): void {
    const bytes = encodeRecord(record);
    if (record.tag !== acknowledgementTag) this.#waiting.add(record.number);
    this.#unwrittenBytes += bytes.length;
    this.#unwritten.push(bytes);
  }

  /** Appends what was noted. After a failure nothing is forgotten and the next call tries again. */
  async persist(): Promise<void> {
    const batch = this.#unwritten;
    if (batch.length === 0 || this.#isRemoved) return;
    const bytes = Buffer.concat(batch);
    const file = await open(this.path, "a", 0o600);
    try {
      // A record behind a torn one would never be read.
      if (this.#isDirty) await file.truncate(this.#writtenBytes);
      this.#isDirty = true;
      await file.appendFile(bytes);
      await file.datasync();
      this.#isDirty = false;
    } finally {
      await file.close();
    }
    const isNew = this.#writtenBytes === 0;
    this.#unwritten = this.#unwritten.slice(batch.length);
    this.#unwrittenBytes -= bytes.length;
    this.#writtenBytes += bytes.length;
    if (isNew) await syncFolder(this.#folder);
  }

  /** Of a segment that is persisted. */
  async read(): Promise<readonly StoredRecord[]> {
    return decodeRecords(await readFile(this.path)).records;
  }

  /**
   * Takes out the acknowledged records and every second one of each tag. The old file stays until the new one is complete.
   *
   * @returns how many unacknowledged records were dropped
   */
  async thin(): Promise<number> {
    const seen = new Map<number, number>();
    const records = await this.read();
    const kept = records.filter(({ number, tag }) => {
      if (tag === acknowledgementTag) return true;
      if (!this.#waiting.has(number)) return false;
      const count = seen.get(tag) ?? 0;
      seen.set(tag, count + 1);
      return count % 2 === 0;
    });
    const bytes = Buffer.concat(kept.map(encodeRecord));
    const oldPath = this.path;
    const newPath = oldPath.replace(/\.\d\.log$/, `.${this.#level + 1}.log`);
    const file = await open(`${newPath}.tmp`, "w", 0o600);
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${newPath}.tmp`, newPath);
    this.#level += 1;
    await rm(oldPath);
    await syncFolder(this.#folder);
    this.#writtenBytes = bytes.length;
    const stays = new Set(kept.map(({ number }) => number));
    const dropped = [...this.#waiting].filter((number) => !stays.has(number));
    for (const number of dropped) this.#waiting.delete(number);
    return dropped.length;
  }

  async remove(): Promise<void> {
    this.#isRemoved = true;
    await rm(this.path, { force: true });
  }
}

/** A new name is durable only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

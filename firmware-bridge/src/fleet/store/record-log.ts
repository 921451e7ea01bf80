import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { asOmpError, ErrorCode } from "../../../../sdk/src/errors.ts";
import { acknowledgementTag, type StoredRecord } from "./record-format.ts";
import { Segment } from "./segment.ts";

/** A file that was thinned this often holds a sixteenth of what it held. */
const maxLevel = 4;

/**
 * An append-only log of numbered records in segment files, from which acknowledged records disappear. One process at a time.
 *
 * `append` and `acknowledge` only note; `flush` makes durable what was noted before it was called. After a crash or a power loss at
 * any byte, `open` finds every record of a finished flush that was not acknowledged, possibly some later ones, none changed
 * and none twice.
 */
export class RecordLog {
  readonly #folder: string;
  readonly #segmentBytes: number;
  /** Oldest first. */
  readonly #segments: Segment[] = [];
  /** Where `append` goes; never a file of an earlier process, because that may end in half a record. */
  #current: Segment | undefined;
  #nextNumber = 1;
  #jobs: Promise<unknown> = Promise.resolve();
  #tornSegments = 0;

  private constructor(folder: string, segmentBytes: number) {
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
  }

  /**
   * @param segmentBytes a file is ended when it is this long
   * @throws {OmpError} INVALID_STATE when the folder cannot be used
   */
  static async open(folder: string, segmentBytes: number): Promise<RecordLog> {
    const log = new RecordLog(folder, segmentBytes);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await log.#recover();
    } catch (error) {
      throw asOmpError(error, ErrorCode.InvalidState, `the log ${folder} cannot be opened`);
    }
    return log;
  }

  /** On disk or about to be. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Records that are not acknowledged. */
  get length(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.remaining, 0);
  }

  /** Files that ended in half a record or were damaged when the log was opened. */
  get tornSegments(): number {
    return this.#tornSegments;
  }

  /**
   * @param tag 1 to 255
   * @param isTaken the owner keeps the record until it is acknowledged or released
   * @returns its number
   */
  append(tag: number, payload: Uint8Array, isTaken: boolean): number {
    const segment = this.#writable();
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    if (!isTaken) segment.isTaken = false;
    segment.note({ number, tag, payload });
    return number;
  }

  /** The record is not needed any more. */
  acknowledge(number: number): void {
    this.#owner(number)?.acknowledge(number);
    this.#writable().note({ number, tag: acknowledgementTag, payload: new Uint8Array(0) });
    this.#collect();
  }

  /** The owner keeps no record any more: `take` starts with the oldest. */
  release(): void {
    this.#current = undefined;
    for (const segment of this.#segments) segment.isTaken = segment.remaining === 0;
    this.#collect();
  }

  /** The unacknowledged records of the oldest file that are not all with the owner, who then has them; empty when there is none. */
  async take(): Promise<readonly StoredRecord[]> {
    return this.#enqueue(async () => {
      const segment = this.#segments.find(({ isTaken }) => !isTaken);
      if (segment === undefined) return [];
      if (segment === this.#current) this.#current = undefined;
      await segment.persist();
      const records = await segment.read();
      segment.isTaken = true;
      return records.filter(({ tag, number }) => tag !== acknowledgementTag && segment.has(number));
    });
  }

  /** Writes what was noted to the disk. Rejects when that failed, with a full disk for example; the next flush tries again. */
  flush(): Promise<void> {
    return this.#enqueue(async () => {
      for (const segment of this.#segments.filter(({ hasUnwritten }) => hasUnwritten)) {
        await segment.persist();
      }
    });
  }

  /**
   * Makes room among the files that are not with the owner: takes every second record of each tag out of the oldest one, up to four
   * times, so that what is old is sparse and what is new is dense. When what is sparse fills half of the space, the oldest file is removed.
   *
   * @param mayThin false removes the oldest file at once
   * @returns how many records were dropped, or undefined when there is no such file
   */
  makeRoom(mayThin: boolean): Promise<number | undefined> {
    return this.#enqueue(async () => {
      const idle = this.#segments.filter(({ isTaken }) => !isTaken);
      const dense = idle.filter(({ level }) => level < maxLevel);
      const denseBytes = dense.reduce((sum, { bytes }) => sum + bytes, 0);
      const isThinning = mayThin && denseBytes > this.bytes / 2;
      const segment = isThinning ? dense[0] : idle[0];
      if (segment === undefined) return undefined;
      if (segment === this.#current) this.#current = undefined;
      if (isThinning) {
        await segment.persist();
        return segment.thin();
      }
      const dropped = segment.remaining;
      this.#segments.splice(this.#segments.indexOf(segment), 1);
      await segment.remove();
      return dropped;
    });
  }

  /** The last flush; the log must not be used afterwards. */
  close(): Promise<void> {
    return this.flush();
  }

  #writable(): Segment {
    if (this.#current !== undefined && this.#current.bytes < this.#segmentBytes) {
      return this.#current;
    }
    this.#current = new Segment(this.#folder, this.#nextNumber);
    this.#segments.push(this.#current);
    // A file of acknowledgements only takes a number too: no two files may have the same name.
    this.#nextNumber += 1;
    return this.#current;
  }

  /** From the oldest on, because a file holds the acknowledgements of those before it. */
  #collect(): void {
    for (;;) {
      const oldest = this.#segments[0];
      if (oldest === undefined || oldest === this.#current || oldest.remaining > 0) return;
      this.#segments.shift();
      void this.#enqueue(() => oldest.remove()).catch(() => {});
    }
  }

  async #recover(): Promise<void> {
    const names = await readdir(this.#folder);
    const newest = new Map<number, Segment>();
    for (const name of names.toSorted()) {
      const parsed = Segment.parseName(name);
      if (parsed === undefined) {
        if (name.endsWith(".log.tmp")) await rm(join(this.#folder, name));
        continue;
      }
      // Thinning was cut short between the new file and the removal of the old one.
      await newest.get(parsed.first)?.remove();
      newest.set(parsed.first, new Segment(this.#folder, parsed.first, parsed.level));
    }
    this.#segments.push(...[...newest.values()].sort((a, b) => a.first - b.first));
    const acknowledged: number[] = [];
    for (const segment of this.#segments) {
      const { records, isTorn } = await segment.recover();
      if (isTorn) this.#tornSegments += 1;
      this.#nextNumber = Math.max(this.#nextNumber, segment.first + 1);
      for (const { number, tag } of records) {
        if (tag === acknowledgementTag) acknowledged.push(number);
        else this.#nextNumber = Math.max(this.#nextNumber, number + 1);
      }
    }
    for (const number of acknowledged) this.#owner(number)?.acknowledge(number);
    this.release();
  }

  #owner(number: number): Segment | undefined {
    return this.#segments.findLast(({ first }) => first <= number);
  }

  /** One at a time, in order; a failed job does not stop the next. */
  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#jobs.then(job);
    this.#jobs = result.catch(() => {});
    return result;
  }
}

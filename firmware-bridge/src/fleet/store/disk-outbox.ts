import { join } from "node:path";

import { ErrorCode, OmpError } from "../../../../sdk/src/errors.ts";
import { graceMs, maxInFlight, type Outbox, type OutboxEntry, type OutboxKind } from "./outbox.ts";
import type { StoredRecord } from "./record-format.ts";
import { RecordLog } from "./record-log.ts";

export interface DiskOutboxOptions {
  /** Its own folder; one process at a time. */
  readonly folder: string;
  /** Of all files together, at least 1 MiB; default 64 MiB. */
  readonly maxBytes?: number;
}

interface Held {
  readonly entry: OutboxEntry;
  /** Where it is on the disk; undefined for a detail that is expected to arrive at once. */
  readonly stored: { readonly log: RecordLog; readonly number: number } | undefined;
  isSent: boolean;
  /** NaN while the broker has not acknowledged it. */
  acknowledgedAtMs: number;
}

/** A record's tag is 1 plus the index of what it is. */
const recordKinds: readonly { readonly kind: OutboxKind; readonly isDetail: boolean }[] = [
  { kind: "event", isDetail: false },
  { kind: "result", isDetail: false },
  { kind: "history", isDetail: true },
  { kind: "event", isDetail: true },
];
/** New messages beyond wait on the disk with the old ones. */
const maxLive = 256;
const recordOverheadBytes = 32;
const maxRecent = 4096;

/**
 * An outbox that survives the process, a crash and a power loss, within a bounded space. When that is full, history is thinned,
 * oldest first, then removed; events and results are the last to go.
 *
 * New messages do not wait behind old ones. After a loss everything unacknowledged goes again, so the same message may be sent
 * twice: it carries an id.
 */
export class DiskOutbox implements Outbox {
  readonly #maxBytes: number;
  /** Events and results. */
  readonly #events: RecordLog;
  readonly #history: RecordLog;
  #live: Held[] = [];
  #backlog: Held[] = [];
  /** Acknowledged by a broker that may still lose them, oldest first. */
  #recent: Held[] = [];
  #byEntry = new Map<OutboxEntry, Held>();
  /** Counts the losses: what was read for an earlier connection is thrown away. */
  #era = 0;
  #isLoading = false;
  #makingRoom: Promise<void> | undefined;
  #isClosed = false;
  #dropped = 0;
  #failedFlushes = 0;

  private constructor(events: RecordLog, history: RecordLog, maxBytes: number) {
    this.#events = events;
    this.#history = history;
    this.#maxBytes = maxBytes;
  }

  /** @throws {OmpError} INVALID_ARGUMENT, INVALID_STATE when the folder cannot be used */
  static async open({ folder, maxBytes = 64 * 2 ** 20 }: DiskOutboxOptions): Promise<DiskOutbox> {
    if (!(maxBytes >= 2 ** 20)) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "the store is too small",
        observed: `${maxBytes} bytes`,
        expected: `at least ${2 ** 20}`,
      });
    }
    const segmentBytes = Math.min(2 ** 18, maxBytes / 32);
    const events = await RecordLog.open(join(folder, "events"), segmentBytes);
    const history = await RecordLog.open(join(folder, "history"), segmentBytes);
    return new DiskOutbox(events, history, maxBytes);
  }

  get length(): number {
    const unstored = this.#live.filter(({ stored }) => stored === undefined).length;
    const acknowledged = this.#recent.filter(({ stored }) => stored !== undefined).length;
    return this.#events.length + this.#history.length + unstored - acknowledged;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get storedBytes(): number {
    return this.#events.bytes + this.#history.bytes;
  }

  /** Flushes that failed, of a full disk for example. */
  get failedFlushes(): number {
    return this.#failedFlushes;
  }

  push(entry: OutboxEntry, hasBroker: boolean): void {
    const isLive = hasBroker && entry.kind !== "history" && this.#live.length < maxLive;
    // A detail is worth a write only when it cannot be told at once.
    const stored = isLive && entry.isDetail ? undefined : this.#store(entry, isLive);
    if (isLive) this.#live.push(this.#hold(entry, stored));
  }

  take(nowMs: number): readonly OutboxEntry[] {
    this.#forget(nowMs);
    if (this.#backlog.length < maxInFlight) this.#load();
    // Old messages pause while so many are within the grace time: memory is bounded.
    const isPaused = this.#recent.length >= maxRecent;
    return [
      ...send(this.#live, maxInFlight),
      ...(isPaused ? [] : send(this.#backlog, maxInFlight)),
    ];
  }

  takeAll(): readonly OutboxEntry[] {
    return send(this.#live, Number.POSITIVE_INFINITY);
  }

  acknowledge(entry: OutboxEntry, nowMs: number): void {
    const held = this.#byEntry.get(entry);
    if (held === undefined) return;
    held.acknowledgedAtMs = nowMs;
    this.#recent.push(held);
    this.#live = this.#live.filter((one) => one !== held);
    this.#backlog = this.#backlog.filter((one) => one !== held);
  }

  connectionLost(): void {
    this.#era += 1;
    const unstored = [...this.#byEntry.values()].filter(({ stored }) => stored === undefined);
    this.#live = [];
    this.#backlog = [];
    this.#recent = [];
    this.#byEntry = new Map();
    this.#events.release();
    this.#history.release();
    for (const { entry } of unstored) this.#store(entry, false);
  }

  async flush(): Promise<void> {
    try {
      await this.#events.flush();
      await this.#history.flush();
    } catch (error) {
      this.#failedFlushes += 1;
      throw error;
    }
  }

  /** Trusts the broker with what it acknowledged: a process that ends well does not send it again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#forget(Number.POSITIVE_INFINITY);
    await this.#makingRoom;
    await this.flush();
  }

  /** Undefined when there is no room. */
  #store(entry: OutboxEntry, isTaken: boolean): Held["stored"] {
    const payload = Buffer.from(entry.text);
    // What is being thinned is still there: details stop short of the bound, events at it.
    const room = this.#maxBytes * (entry.isDetail ? 0.9 : 1) - this.storedBytes;
    if (this.storedBytes > 0.8 * this.#maxBytes) this.#makeRoom();
    if (payload.length + recordOverheadBytes > room) {
      if (!isTaken) this.#dropped += 1;
      return undefined;
    }
    const log = entry.isDetail ? this.#history : this.#events;
    const tag =
      1 +
      recordKinds.findIndex((one) => one.kind === entry.kind && one.isDetail === entry.isDetail);
    return { log, number: log.append(tag, payload, isTaken) };
  }

  #hold(entry: OutboxEntry, stored: Held["stored"]): Held {
    const held = { entry, stored, isSent: false, acknowledgedAtMs: Number.NaN };
    this.#byEntry.set(entry, held);
    return held;
  }

  #forget(nowMs: number): void {
    let count = 0;
    for (const held of this.#recent) {
      if (nowMs - held.acknowledgedAtMs <= graceMs) break;
      held.stored?.log.acknowledge(held.stored.number);
      this.#byEntry.delete(held.entry);
      count += 1;
    }
    this.#recent.splice(0, count);
  }

  #load(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    void this.#loadOldest().finally(() => {
      this.#isLoading = false;
    });
  }

  async #loadOldest(): Promise<void> {
    const era = this.#era;
    for (const log of [this.#events, this.#history]) {
      const records = await log.take().catch(() => []);
      if (era !== this.#era) {
        log.release();
        return;
      }
      const held = [...this.#byEntry.values()].filter(({ stored }) => stored?.log === log);
      const known = new Set(held.map(({ stored }) => stored?.number));
      const unknown = records.filter(({ number }) => !known.has(number));
      for (const record of unknown) {
        this.#backlog.push(this.#hold(entryOf(record), { log, number: record.number }));
      }
      if (unknown.length > 0) return;
    }
  }

  #makeRoom(): void {
    this.#makingRoom ??= this.#makeRoomUntil(0.7 * this.#maxBytes)
      .catch(() => {})
      .finally(() => {
        this.#makingRoom = undefined;
      });
  }

  async #makeRoomUntil(bytes: number): Promise<void> {
    while (this.storedBytes > bytes && !this.#isClosed) {
      const dropped =
        (await this.#history.makeRoom(true)) ??
        (this.storedBytes > 0.8 * this.#maxBytes ? await this.#events.makeRoom(false) : undefined);
      if (dropped === undefined) return;
      this.#dropped += dropped;
    }
  }
}

function send(held: readonly Held[], limit: number): OutboxEntry[] {
  const due = held.slice(0, limit).filter(({ isSent }) => !isSent);
  for (const one of due) one.isSent = true;
  return due.map(({ entry }) => entry);
}

function entryOf({ tag, payload }: StoredRecord): OutboxEntry {
  const { kind, isDetail } = recordKinds[tag - 1] ?? { kind: "event", isDetail: false };
  return { kind, isDetail, text: new TextDecoder().decode(payload) };
}

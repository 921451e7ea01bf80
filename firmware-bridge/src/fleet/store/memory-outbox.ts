import { graceMs, maxInFlight, type Outbox, type OutboxEntry } from "./outbox.ts";

interface Waiting {
  readonly entry: OutboxEntry;
  isSent: boolean;
  /** NaN while the broker has not acknowledged it. */
  acknowledgedAtMs: number;
}

const maxWaiting = 64;

/** An outbox that ends with the process: at most 64 events and results, the oldest is dropped first, and no history. */
export class MemoryOutbox implements Outbox {
  #waiting: Waiting[] = [];
  #dropped = 0;
  readonly storedBytes = 0;

  get length(): number {
    return this.#waiting.filter(isUnacknowledged).length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  push(entry: OutboxEntry): void {
    if (entry.kind === "history") return;
    this.#waiting.push({ entry, isSent: false, acknowledgedAtMs: Number.NaN });
    if (this.#waiting.length <= maxWaiting) return;
    const oldest = this.#waiting.shift();
    if (oldest !== undefined && isUnacknowledged(oldest)) this.#dropped += 1;
  }

  take(nowMs: number): readonly OutboxEntry[] {
    this.#waiting = this.#waiting.filter((one) => !(nowMs - one.acknowledgedAtMs > graceMs));
    return this.#send(maxInFlight);
  }

  takeAll(): readonly OutboxEntry[] {
    return this.#send(Number.POSITIVE_INFINITY);
  }

  acknowledge(entry: OutboxEntry, nowMs: number): void {
    const found = this.#waiting.find((one) => one.entry === entry);
    if (found !== undefined) found.acknowledgedAtMs = nowMs;
  }

  connectionLost(): void {
    for (const one of this.#waiting) {
      one.isSent = false;
      one.acknowledgedAtMs = Number.NaN;
    }
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #send(limit: number): OutboxEntry[] {
    const due = this.#waiting
      .filter(isUnacknowledged)
      .slice(0, limit)
      .filter(({ isSent }) => !isSent);
    for (const one of due) one.isSent = true;
    return due.map(({ entry }) => entry);
  }
}

function isUnacknowledged({ acknowledgedAtMs }: Waiting): boolean {
  return Number.isNaN(acknowledgedAtMs);
}

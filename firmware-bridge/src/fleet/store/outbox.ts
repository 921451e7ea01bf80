/** What must arrive even when it is late. */
export type OutboxKind = "event" | "result" | "history";

/** One encoded message that the broker has not acknowledged. */
export interface OutboxEntry {
  readonly kind: OutboxKind;
  readonly text: string;
  /** Thinned before anything else is given up. */
  readonly isDetail: boolean;
}

/** Messages in order of importance until they are acknowledged. No method blocks or throws. */
export interface Outbox {
  /** Unacknowledged messages. */
  readonly length: number;
  /** Messages that were given up for want of room. */
  readonly dropped: number;
  /** Bytes on disk. */
  readonly storedBytes: number;

  /** @param hasBroker false: the message cannot be sent now */
  push(entry: OutboxEntry, hasBroker: boolean): void;
  /** What may be sent now: new messages first, then old ones; a bounded number is on its way at a time. */
  take(nowMs: number): readonly OutboxEntry[];
  /** `all` when the process is about to leave. */
  takeAll(): readonly OutboxEntry[];
  /** The broker has it. */
  acknowledge(entry: OutboxEntry, nowMs: number): void;
  /** The connection is gone: what a dying broker may have lost is sent again on the next one. */
  connectionLost(): void;
  /** Makes durable what was pushed before; resolves at once where nothing is durable. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** The broker may crash right behind its acknowledgement: until this long after it, a loss makes the message go again. */
export const graceMs: number = 10_000;
export const maxInFlight: number = 8;

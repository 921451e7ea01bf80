import {
  encodeBody,
  type EventFields,
  maxEventFields,
  maxPayloadBytes,
  type Stamp,
} from "./messages.ts";

/** One encoded event that the broker has not acknowledged. */
export interface QueuedEvent {
  readonly text: string;
  isSent: boolean;
}

const maxWaiting = 64;
const maxInFlight = 8;
const maxTextLength = 1000;

/** Events in order until the broker acknowledged them; at most 64, at most 8 of them on their way. */
export class EventQueue {
  readonly #queue: QueuedEvent[] = [];
  #sequence = 0;

  get length(): number {
    return this.#queue.length;
  }

  /** @returns how many events were dropped: the oldest of a full queue, or this one when it is too long */
  push(stamp: Stamp, name: string, fields: EventFields): number {
    this.#sequence += 1;
    const text = encodeBody("event", {
      ...stamp,
      sequence: this.#sequence,
      name: name.slice(0, 64),
      fields: sendable(fields),
    });
    if (Buffer.byteLength(text) > maxPayloadBytes) return 1;
    this.#queue.push({ text, isSent: false });
    if (this.#queue.length <= maxWaiting) return 0;
    this.#queue.shift();
    return 1;
  }

  /** Marks and returns the events that may be sent now; `limit` bounds what is on its way. */
  takeUnsent(limit: number = maxInFlight): QueuedEvent[] {
    const events = this.#queue.slice(0, limit).filter(({ isSent }) => !isSent);
    for (const event of events) event.isSent = true;
    return events;
  }

  acknowledge(event: QueuedEvent): void {
    const index = this.#queue.indexOf(event);
    if (index !== -1) this.#queue.splice(index, 1);
  }

  /** The connection is gone: what was not acknowledged is sent again on the next one. */
  resend(): void {
    for (const event of this.#queue) event.isSent = false;
  }
}

/** JSON has no NaN or infinity: they are sent as text. */
function sendable(fields: EventFields): EventFields {
  const entries = Object.entries(fields).slice(0, maxEventFields);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const isPlain = typeof value === "boolean" || Number.isFinite(value);
      return [key, isPlain ? value : String(value).slice(0, maxTextLength)];
    }),
  );
}

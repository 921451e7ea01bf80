import {
  encodeBody,
  type EventFields,
  maxEventFields,
  maxPayloadBytes,
  type MetricsBody,
  type Stamp,
  type StateBody,
} from "./messages.ts";
import type { CommandResult } from "./command.ts";
import type { RobotPublisher } from "./robot-publisher.ts";
import type { Outbox, OutboxEntry, OutboxKind } from "./store/outbox.ts";

const maxTextLength = 1000;
/** Events of which there are many a second and of which every one alone says little. */
const detailEvents = new Set(["loop.chunk"]);

/** Sends what must arrive even when it is late: numbers it, keeps it in an outbox, and publishes it until it is acknowledged. */
export class RecordSender {
  readonly #outbox: Outbox;
  readonly #publisher: RobotPublisher;
  readonly #nowMs: () => number;
  readonly #sequences: Record<OutboxKind, number> = { event: 0, result: 0, history: 0 };
  #tooLong = 0;

  constructor(outbox: Outbox, publisher: RobotPublisher, nowMs: () => number) {
    this.#outbox = outbox;
    this.#publisher = publisher;
    this.#nowMs = nowMs;
  }

  get waiting(): number {
    return this.#outbox.length;
  }

  get dropped(): number {
    return this.#outbox.dropped + this.#tooLong;
  }

  get storedBytes(): number {
    return this.#outbox.storedBytes;
  }

  event(stamp: Stamp, name: string, fields: EventFields): void {
    const text = encodeBody("event", {
      ...stamp,
      sequence: this.#next("event"),
      name: name.slice(0, 64),
      fields: sendable(fields),
    });
    this.#push({ kind: "event", text, isDetail: detailEvents.has(name) });
  }

  result(stamp: Stamp, result: CommandResult): void {
    const sequence = this.#next("result");
    const text = encodeBody("result", { ...stamp, sequence, ...result });
    this.#push({ kind: "result", text, isDetail: false });
  }

  history(stamp: Stamp, state: StateBody | null, metrics: MetricsBody | null): void {
    const sequence = this.#next("history");
    const text = encodeBody("history", { ...stamp, sequence, state, metrics });
    this.#push({ kind: "history", text, isDetail: true });
  }

  /** Sends what may go now, and on as the broker acknowledges. */
  pump(): void {
    if (!this.#publisher.isConnected) return;
    for (const entry of this.#outbox.take(this.#nowMs())) void this.#publishAndGoOn(entry);
  }

  /** Sends what is new without waiting for its turn. Resolves when the broker has it. */
  async pumpAll(): Promise<void> {
    await Promise.all(this.#outbox.takeAll().map((entry) => this.#publish(entry)));
  }

  connectionLost(): void {
    this.#outbox.connectionLost();
  }

  flush(): Promise<void> {
    return this.#outbox.flush();
  }

  close(): Promise<void> {
    return this.#outbox.close();
  }

  #next(kind: OutboxKind): number {
    this.#sequences[kind] += 1;
    return this.#sequences[kind];
  }

  #push(entry: OutboxEntry): void {
    if (Buffer.byteLength(entry.text) > maxPayloadBytes) this.#tooLong += 1;
    else this.#outbox.push(entry, this.#publisher.isConnected);
  }

  async #publishAndGoOn(entry: OutboxEntry): Promise<void> {
    if (await this.#publish(entry)) this.pump();
  }

  async #publish(entry: OutboxEntry): Promise<boolean> {
    const isAcknowledged = await this.#publisher.publish(entry.kind, entry.text);
    if (isAcknowledged) this.#outbox.acknowledge(entry, this.#nowMs());
    return isAcknowledged;
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

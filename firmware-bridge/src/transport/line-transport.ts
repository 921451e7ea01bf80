import type { Clock } from "../../../sdk/src/clock.ts";
import type { Transport } from "./transport.ts";
import { WriteQueue, type WriteBounds } from "./write-queue.ts";

/** What a {@link LineTransport} writes to: an open descriptor, socket or client. */
export interface Line {
  /** For people: the port, address or topic. */
  readonly name: string;
  /**
   * Takes what it can of `bytes[start, start + length)` without blocking and copies what it keeps.
   *
   * @returns how many bytes it took, 0 when it has no room now
   * @throws anything when it is broken
   */
  take(bytes: Uint8Array, start: number, length: number): number;
  /** Lets go of the line, with what it still holds. Called once; resolves when the line can be opened again. */
  release(): Promise<void>;
}

const retryMs = 1;

/**
 * The {@link Transport} contract over a line: a bounded queue in front of it, one end with one reason, nothing after it. Whoever opened
 * the line reports what arrives by `deliver` and its loss by `end`.
 */
export class LineTransport implements Transport {
  readonly name: string;
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #queue: WriteQueue;
  #dataListener: (bytes: Uint8Array) => void = () => {};
  #closeListener: (reason: string) => void = () => {};
  #isOpen = true;
  #released: Promise<void> | undefined;
  #cancelRetry: () => void = () => {};

  constructor(line: Line, clock: Clock, bounds: WriteBounds) {
    this.name = line.name;
    this.#line = line;
    this.#clock = clock;
    this.#queue = new WriteQueue(clock, bounds);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get writableBytes(): number {
    return this.#isOpen ? this.#queue.freeBytes : 0;
  }

  get writesDropped(): number {
    return this.#queue.dropped;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#isOpen) return false;
    const isFirst = this.#queue.isEmpty;
    if (!this.#queue.push(bytes, start, end)) return false;
    if (isFirst) this.#drain();
    return this.#isOpen;
  }

  discardPending(): void {
    this.#queue.discard();
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#dataListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  close(): Promise<void> {
    this.end(`${this.name} was closed by the host`);
    return this.#released ?? Promise.resolve();
  }

  /** For the line: bytes arrived. */
  deliver(bytes: Uint8Array): void {
    if (this.#isOpen) this.#dataListener(bytes);
  }

  /** For the line: it is gone. Only the first reason counts. */
  end(reason: string): void {
    if (this.#released !== undefined) return;
    this.#isOpen = false;
    this.#cancelRetry();
    this.#queue.clear();
    this.#released = this.#line.release();
    this.#closeListener(reason);
  }

  readonly #drain = (): void => {
    this.#cancelRetry();
    try {
      if (this.#queue.drain(this.#take)) return;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#cancelRetry = this.#clock.callAt(this.#clock.nowMs() + retryMs, this.#drain);
  };

  readonly #take = (bytes: Uint8Array, start: number, length: number): number =>
    this.#line.take(bytes, start, length);

  #fail(error: unknown): void {
    this.#isOpen = false;
    const detail = error instanceof Error ? error.message : String(error);
    // Later, because the caller of `write` is in the middle of a frame.
    this.#cancelRetry = this.#clock.callAt(this.#clock.nowMs(), () => {
      this.end(`${this.name} cannot be written (${detail})`);
    });
  }
}

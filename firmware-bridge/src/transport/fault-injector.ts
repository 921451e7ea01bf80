import type { Clock } from "../../../sdk/src/clock.ts";
import type { RandomStream } from "../../../sdk/src/random.ts";
import type { Transport } from "./transport.ts";

/** Per direction; everything defaults to none. */
export interface FaultRates {
  /** Probability that a byte has one bit flipped, 0 to 1. */
  readonly bitFlip?: number;
  /** Probability that a write (or a received piece) is lost whole, 0 to 1. */
  readonly drop?: number;
  /** Probability that a write (or a received piece) loses its second half, 0 to 1. */
  readonly cut?: number;
  readonly delayMs?: number;
}

export interface FaultInjectorOptions {
  readonly clock: Clock;
  readonly random: RandomStream;
  readonly toController?: FaultRates;
  readonly toHost?: FaultRates;
}

/** What a stalled line may hold, bytes and per direction, before it loses what comes. */
const maxStalledBytes = 65_536;

/** A bad cable around a transport: noise, losses, delay, a stall, an unplug. */
export class FaultInjector implements Transport {
  /** May be set at any time. */
  toController: FaultRates;
  toHost: FaultRates;
  readonly #inner: Transport;
  readonly #clock: Clock;
  readonly #random: RandomStream;
  #dataListener: (bytes: Uint8Array) => void = () => {};
  #closeListener: (reason: string) => void = () => {};
  #isUnplugged = false;
  #isStalled = false;
  #held: { bytes: Uint8Array; deliver: (bytes: Uint8Array) => void }[] = [];
  #heldBytes = 0;

  constructor(inner: Transport, options: FaultInjectorOptions) {
    this.#inner = inner;
    this.#clock = options.clock;
    this.#random = options.random;
    this.toController = options.toController ?? {};
    this.toHost = options.toHost ?? {};
    inner.onData((bytes) => {
      this.#pass(bytes, this.toHost, (piece) => {
        this.#dataListener(piece);
      });
    });
    inner.onClose((reason) => {
      this.#closeListener(reason);
    });
  }

  get name(): string {
    return this.#inner.name;
  }

  get isOpen(): boolean {
    return !this.#isUnplugged && this.#inner.isOpen;
  }

  get writableBytes(): number {
    return this.isOpen ? this.#inner.writableBytes : 0;
  }

  get writesDropped(): number {
    return this.#inner.writesDropped;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.isOpen) return false;
    this.#pass(bytes.subarray(start, end), this.toController, (piece) => {
      this.#inner.write(piece, 0, piece.length);
    });
    return true;
  }

  discardPending(): void {
    this.#inner.discardPending();
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#dataListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  async close(): Promise<void> {
    this.#held = [];
    await this.#inner.close();
  }

  /** Nothing passes in either direction until `resume`, which delivers what was held. */
  stall(): void {
    this.#isStalled = true;
  }

  resume(): void {
    this.#isStalled = false;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { bytes, deliver } of held) this.#deliver(bytes, deliver);
  }

  /** The cable leaves the port: what is under way is lost. */
  unplug(): void {
    if (this.#isUnplugged) return;
    this.#isUnplugged = true;
    this.#held = [];
    this.#closeListener(`${this.name} was unplugged`);
    this.#inner.onClose(() => {});
    void this.#inner.close();
  }

  #pass(bytes: Uint8Array, rates: FaultRates, deliver: (bytes: Uint8Array) => void): void {
    if (this.#happens(rates.drop)) return;
    const length = this.#happens(rates.cut) ? bytes.length >> 1 : bytes.length;
    const piece = bytes.slice(0, length);
    if (rates.bitFlip !== undefined) {
      for (let i = 0; i < length; i++) {
        if (this.#happens(rates.bitFlip)) {
          piece[i] = (piece[i] ?? 0) ^ (1 << Math.floor(this.#random.uniform(0, 8)));
        }
      }
    }
    if (rates.delayMs === undefined) this.#deliver(piece, deliver);
    else {
      this.#clock.callAt(this.#clock.nowMs() + rates.delayMs, () => {
        this.#deliver(piece, deliver);
      });
    }
  }

  #deliver(bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): void {
    if (this.#isUnplugged) return;
    if (!this.#isStalled) deliver(bytes);
    else if (this.#heldBytes + bytes.length <= maxStalledBytes) {
      this.#held.push({ bytes, deliver });
      this.#heldBytes += bytes.length;
    }
  }

  #happens(probability: number | undefined): boolean {
    return probability !== undefined && this.#random.uniform(0, 1) < probability;
  }
}

import type { FirmwareCore } from "./firmware-core.ts";
import type { OpenTransport, Transport } from "./transport.ts";
import { WriteQueue, defaultWriteBounds, type WriteBounds } from "./write-queue.ts";

/**
 * A transport to a firmware core in this process. What is written reaches the core at its next tick, and what the core answers arrives
 * after that tick, from inside the call that drove it. A newly opened transport takes the line from the one before it.
 */
export class WasmTransport implements Transport {
  readonly name: string = "wasm core";
  readonly #core: FirmwareCore;
  /** Nothing grows old in it: the core's time stands still between two ticks, and a tick takes everything. */
  readonly #queue: WriteQueue;
  #dataListener: (bytes: Uint8Array) => void = () => {};
  #closeListener: (reason: string) => void = () => {};
  #isOpen = true;

  constructor(core: FirmwareCore, bounds: WriteBounds = defaultWriteBounds) {
    this.#core = core;
    this.#queue = new WriteQueue({ nowMs: () => 0 }, bounds);
    core.connect(this);
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
    return this.#isOpen && this.#queue.push(bytes, start, end);
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

  async close(): Promise<void> {
    this.end("the line to the core was closed by the host");
    return Promise.resolve();
  }

  /** For the core: hands over what was written. */
  drain(take: (bytes: Uint8Array, start: number, length: number) => number): void {
    this.#queue.drain(take);
  }

  /** For the core: bytes it sent. */
  deliver(bytes: Uint8Array): void {
    if (this.#isOpen) this.#dataListener(bytes);
  }

  /** Cuts the line, as an unplug does; the core runs on. */
  end(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#queue.clear();
    this.#core.disconnect(this);
    this.#closeListener(reason);
  }
}

/** Opens lines to a core, one at a time. */
export function openWasmTransport(core: FirmwareCore): OpenTransport {
  return () => Promise.resolve(new WasmTransport(core));
}

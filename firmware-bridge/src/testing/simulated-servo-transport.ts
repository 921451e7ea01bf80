import type { Transport } from "../transport/transport.ts";
import type { SimulatedLine, SimulatedServoBus } from "./simulated-servo-bus.ts";

/** The host's end of a simulated servo bus. */
export class SimulatedServoTransport implements Transport, SimulatedLine {
  readonly name = "a simulated bus";
  readonly writesDropped = 0;
  readonly #bus: SimulatedServoBus;
  #dataListener: (bytes: Uint8Array) => void = () => {};
  #closeListener: (reason: string) => void = () => {};
  #isOpen = true;

  constructor(bus: SimulatedServoBus) {
    this.#bus = bus;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get writableBytes(): number {
    return this.#isOpen ? 4096 : 0;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#isOpen) return false;
    this.#bus.receive(bytes.subarray(start, end));
    return true;
  }

  discardPending(): void {}

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#dataListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  async close(): Promise<void> {
    this.end("the simulated bus was closed by the host");
    return Promise.resolve();
  }

  deliver(bytes: Uint8Array): void {
    if (this.#isOpen) this.#dataListener(bytes);
  }

  end(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#bus.detach(this);
    this.#closeListener(reason);
  }
}

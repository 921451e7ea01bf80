import { writeSync } from "node:fs";
import { SerialPort } from "serialport";

import type { Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import type { Transport } from "./transport.ts";
import { WriteQueue, defaultWriteBounds, type WriteBounds } from "./write-queue.ts";

export interface SerialTransportOptions {
  readonly clock: Clock;
  /** "/dev/serial/by-id/…" survives a replug, "/dev/ttyUSB0" does not. */
  readonly path: string;
  /** Bd, default 1000000. */
  readonly baudRate?: number;
  /** Default 2: a Jetson's UART receives reliably only with two. */
  readonly stopBits?: 1 | 2;
  readonly bounds?: WriteBounds;
}

const retryMs = 1;

/**
 * Opens a serial port raw and exclusively and discards what the kernel still held in either direction.
 *
 * @throws {OmpError} LINK_OPEN_FAILED
 */
export async function openSerialTransport(options: SerialTransportOptions): Promise<Transport> {
  const port = new SerialPort({
    path: options.path,
    baudRate: options.baudRate ?? 1_000_000,
    stopBits: options.stopBits ?? 2,
    autoOpen: false,
  });
  // Without a listener an error ends the process; the outcome arrives by callback or 'close'.
  port.on("error", () => {});
  try {
    await completed((done) => {
      port.open(done);
    });
    await completed((done) => {
      port.flush(done);
    });
  } catch (error) {
    if (port.isOpen) port.close();
    throw await openError(options.path, error);
  }
  return new SerialTransport(port, options);
}

/**
 * Reads through serialport and writes to its descriptor without blocking. serialport's own writes take a detour through the thread
 * pool, are not bounded, hold up reads while the peer is slow, and are delivered after a replug.
 */
class SerialTransport implements Transport {
  readonly name: string;
  readonly #port: SerialPort;
  readonly #clock: Clock;
  readonly #queue: WriteQueue;
  #closeListener: (reason: string) => void = () => {};
  #isOpen = true;
  #hasEnded = false;
  #closing: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(port: SerialPort, options: SerialTransportOptions) {
    this.name = `serial ${options.path}`;
    this.#port = port;
    this.#clock = options.clock;
    this.#queue = new WriteQueue(options.clock, options.bounds ?? defaultWriteBounds);
    port.on("close", (error?: Error | null) => {
      const detail = error instanceof Error ? ` (${error.message})` : "";
      this.#end(`${options.path} was unplugged${detail}`);
    });
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
    this.#port.on("data", (bytes: Buffer) => {
      if (this.#isOpen) listener(bytes);
    });
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  async close(): Promise<void> {
    this.#end("the port was closed by the host");
    await this.#closePort();
  }

  /** Resolves when the port is free for the next open. */
  #closePort(): Promise<void> {
    this.#closing ??= this.#flushAndClose();
    return this.#closing;
  }

  async #flushAndClose(): Promise<void> {
    if (!this.#port.isOpen || this.#port.closing) return;
    // What the kernel has not sent is dropped too; else the close waits for a peer that does not read.
    await completed((done) => {
      this.#port.flush(done);
    }).catch(() => {});
    await completed((done) => {
      this.#port.close(done);
    }).catch(() => {});
  }

  readonly #drain = (): void => {
    this.#cancelRetry = undefined;
    if (!this.#isOpen) return;
    if (!this.#queue.drain(this.#writeNow) && this.#isOpen) {
      this.#cancelRetry = this.#clock.callAt(this.#clock.nowMs() + retryMs, this.#drain);
    }
  };

  readonly #writeNow = (bytes: Uint8Array, start: number, length: number): number => {
    const descriptor = descriptorOf(this.#port);
    if (descriptor === undefined) return 0;
    try {
      return writeSync(descriptor, bytes, start, length);
    } catch (error) {
      if (isTryAgain(error)) return 0;
      this.#fail(error);
      return 0;
    }
  };

  #fail(error: unknown): void {
    this.#isOpen = false;
    const detail = error instanceof Error ? error.message : String(error);
    // Later, because the caller of `write` is in the middle of a frame.
    this.#clock.callAt(this.#clock.nowMs(), () => {
      this.#end(`${this.name} cannot be written (${detail})`);
      void this.#closePort();
    });
  }

  #end(reason: string): void {
    this.#isOpen = false;
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#cancelRetry?.();
    this.#queue.discard();
    this.#closeListener(reason);
  }
}

/** Read at every write: a descriptor number kept past its close may belong to another file. */
function descriptorOf(port: SerialPort): number | undefined {
  const binding: object | undefined = port.isOpen ? port.port : undefined;
  if (binding === undefined || !("fd" in binding)) return undefined;
  return typeof binding.fd === "number" ? binding.fd : undefined;
}

function isTryAgain(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}

function completed(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

async function openError(path: string, error: unknown): Promise<OmpError> {
  const ports = await SerialPort.list().catch(() => []);
  const present = ports.map((port) => port.path).join(", ");
  return new OmpError("LINK_OPEN_FAILED", {
    what: `serial port ${path} cannot be opened`,
    observed: error instanceof Error ? error.message : String(error),
    expected: `a port this user may open and nobody else holds; present: ${present || "none"}`,
    next: "Prefer a path under /dev/serial/by-id: it survives a replug.",
    cause: error,
  });
}

import { isatty } from "node:tty";
import { isMainThread } from "node:worker_threads";
import type { SerialPort } from "serialport";

import { OmpError } from "../../../sdk/src/errors.ts";
import { serialOpenError } from "./serial-open-error.ts";
import { LineTransport, type Line } from "./line-transport.ts";
import type { SerialSettings } from "./serial-settings.ts";
import type { Transport } from "./transport.ts";
import { whileLocked } from "./while-locked.ts";
import { writeDescriptor } from "./write-descriptor.ts";

const unplugCheckMs = 100;

/**
 * Opens a port through the package serialport, exclusively, and discards what the kernel still held in either direction.
 *
 * Reads go through serialport and so wait when the thread pool is full. Writes go straight to its descriptor: serialport's own are not
 * bounded, hold up reads while the peer is slow, and are delivered after a replug.
 *
 * @throws {OmpError} LINK_OPEN_FAILED
 */
export async function openSerialportTransport(settings: SerialSettings): Promise<Transport> {
  if (!isMainThread) throw notInWorker(settings.path);
  const port = await createPort(settings);
  // Without a listener an error ends the process; the outcome arrives by callback or 'close'.
  port.on("error", () => {});
  try {
    const open = (): Promise<void> =>
      completed((done) => {
        port.open(done);
      });
    await whileLocked(open, (error) => error instanceof Error && /lock/i.test(error.message));
    await completed((done) => {
      port.flush(done);
    });
  } catch (error) {
    if (port.isOpen) port.close();
    throw serialOpenError(settings.path, error);
  }
  const transport = new LineTransport(
    new SerialportLine(port, settings.path),
    settings.clock,
    settings.bounds,
  );
  port.on("data", (bytes: Buffer) => {
    transport.deliver(bytes);
  });
  port.on("close", (error?: Error | null) => {
    const detail = error instanceof Error ? ` (${error.message})` : "";
    transport.end(`${settings.path} was unplugged${detail}`);
  });
  watchForUnplug(port, transport, settings);
  return transport;
}

/**
 * An unplug just after a read leaves serialport reading the end of the file again and again, without an event. A terminal that has been
 * hung up is no terminal any more.
 */
function watchForUnplug(
  port: SerialPort,
  transport: LineTransport,
  settings: SerialSettings,
): void {
  const { clock, path } = settings;
  const look = (): void => {
    const descriptor = descriptorOf(port);
    if (!transport.isOpen || descriptor === undefined) return;
    if (isatty(descriptor)) clock.callAt(clock.nowMs() + unplugCheckMs, look);
    else transport.end(`${path} was unplugged`);
  };
  look();
}

class SerialportLine implements Line {
  readonly name: string;
  readonly #port: SerialPort;

  constructor(port: SerialPort, path: string) {
    this.name = `serial ${path}`;
    this.#port = port;
  }

  take(bytes: Uint8Array, start: number, length: number): number {
    const descriptor = descriptorOf(this.#port);
    return descriptor === undefined ? 0 : writeDescriptor(descriptor, bytes, start, length);
  }

  async release(): Promise<void> {
    if (!this.#port.isOpen || this.#port.closing) return;
    // What the kernel has not sent is dropped too; else the close waits for a peer that does not read.
    await completed((done) => {
      this.#port.flush(done);
    }).catch(() => {});
    await completed((done) => {
      this.#port.close(done);
    }).catch(() => {});
  }
}

async function createPort({ path, baudRate, stopBits }: SerialSettings): Promise<SerialPort> {
  try {
    const { SerialPort: Port } = await import("serialport");
    return new Port({ path, baudRate, stopBits, autoOpen: false });
  } catch (error) {
    throw new OmpError("LINK_OPEN_FAILED", {
      what: `serial port ${path} cannot be opened: the package serialport cannot be loaded`,
      observed: error instanceof Error ? error.message : String(error),
      next: 'Run `npm install serialport`, or use driver "linux-tty" on Linux.',
      cause: error,
    });
  }
}

/** Its native part polls on the main thread's event loop, whatever thread opened the port; ARCHITECTURE.md says what that does. */
function notInWorker(path: string): OmpError {
  return new OmpError("LINK_OPEN_FAILED", {
    what: `serial port ${path} cannot be opened with driver "serialport" in a worker thread`,
    observed: "the package serialport crashes the process there",
    next: 'Use driver "linux-tty", or open the port in the main thread.',
  });
}

/** Read at every write: a descriptor number kept past its close may belong to another file. */
function descriptorOf(port: SerialPort): number | undefined {
  const binding: object | undefined = port.isOpen ? port.port : undefined;
  if (binding === undefined || !("fd" in binding)) return undefined;
  return typeof binding.fd === "number" ? binding.fd : undefined;
}

function completed(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

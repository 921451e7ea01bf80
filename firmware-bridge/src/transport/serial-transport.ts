import type { Clock } from "../../../sdk/src/clock.ts";
import { isTermiosBaudRate, openLinuxTtyTransport } from "./linux-tty-transport.ts";
import { openSerialportTransport } from "./serialport-transport.ts";
import type { SerialSettings } from "./serial-settings.ts";
import type { Transport } from "./transport.ts";
import { defaultWriteBounds, type WriteBounds } from "./write-queue.ts";

/**
 * What opens and reads a serial port.
 *
 * - "linux-tty": no native code, Linux only, the rates of termios, also in worker threads.
 * - "serialport": the npm package of that name; Linux, macOS and Windows, any rate, only in the main thread.
 */
export type SerialDriver = "linux-tty" | "serialport";

export interface SerialTransportOptions {
  readonly clock: Clock;
  /** "/dev/serial/by-id/…" survives a replug, "/dev/ttyUSB0" does not. */
  readonly path: string;
  /** Bd, default 1000000. */
  readonly baudRate?: number;
  /** Default 2: a Jetson's UART receives reliably only with two. */
  readonly stopBits?: 1 | 2;
  /** Default "linux-tty" on Linux for a rate that it can set, else "serialport". */
  readonly driver?: SerialDriver;
  readonly bounds?: WriteBounds;
}

/**
 * Opens a serial port raw and exclusively and discards what it had received before.
 *
 * @throws {OmpError} LINK_OPEN_FAILED, INVALID_ARGUMENT for a baud rate that the driver cannot set
 */
export function openSerialTransport(options: SerialTransportOptions): Promise<Transport> {
  const settings: SerialSettings = {
    clock: options.clock,
    path: options.path,
    baudRate: options.baudRate ?? 1_000_000,
    stopBits: options.stopBits ?? 2,
    bounds: options.bounds ?? defaultWriteBounds,
  };
  const driver = options.driver ?? defaultDriver(settings.baudRate);
  return driver === "linux-tty"
    ? openLinuxTtyTransport(settings)
    : openSerialportTransport(settings);
}

function defaultDriver(baudRate: number): SerialDriver {
  return process.platform === "linux" && isTermiosBaudRate(baudRate) ? "linux-tty" : "serialport";
}

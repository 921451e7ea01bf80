import type { Clock } from "../../sdk/src/clock.ts";
import { ControllerLink, type ControllerLinkOptions } from "./controller-link.ts";
import { openSerialTransport, type SerialDriver } from "./transport/serial-transport.ts";

export interface SerialLinkOptions extends Omit<
  ControllerLinkOptions,
  "name" | "openTransport" | "clock"
> {
  readonly clock: Clock;
  /** Prefer a path under /dev/serial/by-id: it survives a replug. */
  readonly path: string;
  /** Bd, default 1000000. */
  readonly baudRate?: number;
  /** Default 2: a Jetson's UART receives reliably only with two. */
  readonly stopBits?: 1 | 2;
  /** Default "linux-tty" on Linux for a rate that it can set, else "serialport". */
  readonly driver?: SerialDriver;
}

/** A {@link ControllerLink} over a serial port. Every `connect` opens the port anew. */
export class SerialLink extends ControllerLink {
  constructor(options: SerialLinkOptions) {
    const { path, baudRate, stopBits, driver, ...linkOptions } = options;
    super({
      ...linkOptions,
      name: `serial ${path}`,
      openTransport: () =>
        openSerialTransport({
          clock: options.clock,
          path,
          ...(baudRate === undefined ? {} : { baudRate }),
          ...(stopBits === undefined ? {} : { stopBits }),
          ...(driver === undefined ? {} : { driver }),
        }),
    });
  }
}

/**
 * Opens the port and shakes hands with the controller behind it.
 *
 * @throws {OmpError} LINK_OPEN_FAILED, LINK_HANDSHAKE_FAILED, LINK_MISMATCH, LINK_TIMEOUT
 */
export async function openSerialLink(options: SerialLinkOptions): Promise<SerialLink> {
  const link = new SerialLink(options);
  await link.connect();
  return link;
}

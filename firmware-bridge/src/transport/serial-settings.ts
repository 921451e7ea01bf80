import type { Clock } from "../../../sdk/src/clock.ts";
import type { WriteBounds } from "./write-queue.ts";

/** How a serial port is opened, whatever the driver. The port is raw: 8 data bits, no parity, no flow control. */
export interface SerialSettings {
  readonly clock: Clock;
  readonly path: string;
  /** Bd. */
  readonly baudRate: number;
  readonly stopBits: 1 | 2;
  readonly bounds: WriteBounds;
}

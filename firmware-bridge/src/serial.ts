/** omp-edge/serial: a motor controller on a serial port. */
export { SerialLink, openSerialLink, type SerialLinkOptions } from "./serial-link.ts";
export { ControllerLink, type ControllerLinkOptions } from "./controller-link.ts";
export {
  openSerialTransport,
  type SerialDriver,
  type SerialTransportOptions,
} from "./transport/serial-transport.ts";
export type { OpenTransport, Transport } from "./transport/transport.ts";

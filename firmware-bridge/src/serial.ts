/** omp-edge/serial: a motor controller on a serial port. */
export { SerialLink, openSerialLink, type SerialLinkOptions } from "./serial-link.ts";
export {
  ControllerLink,
  type ControllerLinkEvents,
  type ControllerLinkOptions,
} from "./controller-link.ts";
export type { ControllerEvent, ControllerEventKind } from "./controller-event.ts";
export type {
  ControllerParameters,
  FailAction,
  JointParameters,
  ParameterChanges,
  SupplyParameters,
} from "./controller-parameters.ts";
export {
  openSerialTransport,
  type SerialDriver,
  type SerialTransportOptions,
} from "./transport/serial-transport.ts";
export type { OpenTransport, Transport } from "./transport/transport.ts";

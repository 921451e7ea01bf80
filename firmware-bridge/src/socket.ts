/** omp-edge/socket: a motor controller behind a TCP or unix socket. */
export { SocketLink, type SocketLinkOptions } from "./socket-link.ts";
export {
  openSocketTransport,
  type SocketAddress,
  type SocketTransportOptions,
} from "./transport/socket-transport.ts";

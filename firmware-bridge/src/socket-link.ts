import { ControllerLink, type ControllerLinkOptions } from "./controller-link.ts";
import {
  openSocketTransport,
  socketName,
  type SocketTransportOptions,
} from "./transport/socket-transport.ts";

export interface SocketLinkOptions
  extends
    Omit<ControllerLinkOptions, "name" | "openTransport">,
    Omit<SocketTransportOptions, "bounds"> {}

/**
 * A {@link ControllerLink} over a TCP or unix socket: to a controller that listens, or to a bridge in front of its serial port. Every
 * `connect` opens a new connection. There is no authentication: keep the port on the robot's own network.
 */
export class SocketLink extends ControllerLink {
  constructor(options: SocketLinkOptions) {
    const { address, connectTimeoutMs, ...linkOptions } = options;
    super({
      ...linkOptions,
      name: socketName(address),
      openTransport: () =>
        openSocketTransport({
          clock: options.clock,
          address,
          ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
        }),
    });
  }
}

import { connect, type NetConnectOpts, type Socket } from "node:net";

import type { Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import { LineTransport, type Line } from "./line-transport.ts";
import type { Transport } from "./transport.ts";
import { defaultWriteBounds, type WriteBounds } from "./write-queue.ts";

/** Where a controller listens: a TCP port or a unix socket. */
export type SocketAddress =
  | {
      /** Default "127.0.0.1". */
      readonly host?: string;
      readonly port: number;
    }
  | {
      /** Of a unix socket. */
      readonly path: string;
    };

export interface SocketTransportOptions {
  readonly clock: Clock;
  readonly address: SocketAddress;
  /** Default 3000. */
  readonly connectTimeoutMs?: number;
  readonly bounds?: WriteBounds;
}

const readBytes = 4096;

/** "tcp 127.0.0.1:7000", "unix /run/arm.sock" */
export function socketName(address: SocketAddress): string {
  if ("path" in address) return `unix ${address.path}`;
  return `tcp ${address.host ?? "127.0.0.1"}:${address.port}`;
}

/**
 * Connects to a controller, or to a bridge in front of one, over TCP (without Nagle's delay) or a unix socket. The kernel's socket buffers
 * are not under the transport's bounds: over a network that stalls, the controller's lease and the trajectories' times guard.
 *
 * @throws {OmpError} LINK_OPEN_FAILED
 */
export async function openSocketTransport(options: SocketTransportOptions): Promise<Transport> {
  const { clock, address } = options;
  const name = socketName(address);
  const state: { transport?: LineTransport } = {};
  const buffer = new Uint8Array(readBytes);
  const socket = connect({
    ...destination(address),
    onread: {
      buffer,
      callback: (length) => {
        state.transport?.deliver(buffer.subarray(0, length));
        return true;
      },
    },
  });
  await connected(socket, name, options.connectTimeoutMs ?? 3000);
  const bounds = options.bounds ?? defaultWriteBounds;
  const transport = new LineTransport(new SocketLine(socket, address), clock, bounds);
  state.transport = transport;
  socket.on("error", (error) => {
    transport.end(`${name} was lost (${error.message})`);
  });
  socket.on("end", () => {
    transport.end(`${name} was closed by the far end`);
  });
  socket.on("close", () => {
    transport.end(`${name} was lost`);
  });
  return transport;
}

class SocketLine implements Line {
  readonly name: string;
  readonly #socket: Socket;
  readonly #isTcp: boolean;

  constructor(socket: Socket, address: SocketAddress) {
    this.name = socketName(address);
    this.#socket = socket;
    this.#isTcp = "port" in address;
  }

  /** One write at a time: what the socket queues can be neither aged nor taken back. */
  take(bytes: Uint8Array, start: number, length: number): number {
    if (this.#socket.writableLength > 0) return 0;
    this.#socket.write(bytes.slice(start, start + length));
    return length;
  }

  release(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      this.#socket.once("close", () => {
        resolve();
      });
      // A reset makes the kernel drop what it has not sent; a unix socket has no reset, and its bytes are at the peer already.
      if (this.#isTcp) this.#socket.resetAndDestroy();
      else this.#socket.destroy();
    });
  }
}

function destination(address: SocketAddress): NetConnectOpts {
  if ("path" in address) return { path: address.path };
  return { host: address.host ?? "127.0.0.1", port: address.port, noDelay: true };
}

function connected(socket: Socket, name: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(openError(name, error));
    };
    const timer = setTimeout(() => {
      failed(new OmpError("LINK_TIMEOUT", { what: `no answer for ${timeoutMs} ms` }));
    }, timeoutMs);
    socket.once("error", failed);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      resolve();
    });
  });
}

function openError(name: string, cause: Error): OmpError {
  return new OmpError("LINK_OPEN_FAILED", {
    what: `${name} cannot be connected`,
    observed: cause.message,
    expected: "a controller, or a bridge to one, that listens there",
    next: "Check that it runs and that the address is right.",
    cause,
  });
}

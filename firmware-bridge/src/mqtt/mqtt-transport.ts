import { connect, type IClientOptions, type MqttClient } from "mqtt";

import type { Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import type { Transport } from "../transport/transport.ts";
import { AgeGate, datagramHeaderBytes } from "./datagram.ts";
import { linkTopics } from "./topics.ts";

/** How to reach and convince a broker. */
export interface BrokerOptions {
  /** "mqtts://broker.example:8883" */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM. */
  readonly ca?: string;
  /** PEM, with `key`. */
  readonly cert?: string;
  readonly key?: string;
}

export interface MqttTransportOptions {
  readonly clock: Clock;
  readonly broker: BrokerOptions;
  readonly robotId: string;
  /** Which end this is: the host writes down and reads up, the controller's gateway the other way round. */
  readonly end: "host" | "controller";
  /** Messages that took this much longer than the fastest one are dropped, ms, default 100. */
  readonly maxAgeMs?: number;
  /** Bytes that may wait in the socket, default 16384. */
  readonly maxPendingBytes?: number;
  /** Default 5000. */
  readonly connectTimeoutMs?: number;
}

/**
 * Connects to a broker as one end of a robot's link: QoS 0, nothing retained, clean session, no reconnect, nothing queued while
 * offline. A lost broker closes the transport.
 *
 * @throws {OmpError} LINK_OPEN_FAILED, INVALID_ARGUMENT
 */
export async function openMqttTransport(options: MqttTransportOptions): Promise<Transport> {
  const topics = linkTopics(options.robotId);
  const [readTopic, writeTopic] =
    options.end === "host" ? [topics.up, topics.down] : [topics.down, topics.up];
  const client = connect(options.broker.url, clientOptions(options));
  try {
    await firstConnection(client);
    const [grant] = await client.subscribeAsync(readTopic, { qos: 0 });
    if (grant !== undefined && grant.qos > 2) throw refused(options, `no read on ${readTopic}`);
  } catch (error) {
    client.on("error", () => {});
    client.end(true);
    if (error instanceof OmpError) throw error;
    throw refused(options, error instanceof Error ? error.message : String(error), error);
  }
  return new MqttTransport(client, writeTopic, options);
}

class MqttTransport implements Transport {
  readonly name: string;
  readonly writesDropped = 0;
  readonly #client: MqttClient;
  readonly #clock: Clock;
  readonly #topic: string;
  readonly #maxPendingBytes: number;
  readonly #maxAgeMs: number;
  readonly #sender = globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  #dataListener: (bytes: Uint8Array) => void = () => {};
  #closeListener: (reason: string) => void = () => {};
  #isOpen = true;
  /** When the oldest message was handed over that the socket has not taken. */
  #pendingSinceMs: number | undefined;
  #lastError = "";

  constructor(client: MqttClient, topic: string, options: MqttTransportOptions) {
    this.name = `mqtt ${options.robotId} at ${options.broker.url}`;
    this.#client = client;
    this.#clock = options.clock;
    this.#topic = topic;
    this.#maxPendingBytes = options.maxPendingBytes ?? 16_384;
    this.#maxAgeMs = options.maxAgeMs ?? 100;
    const gate = new AgeGate(options.clock, this.#maxAgeMs);
    client.on("message", (_topic, payload, packet) => {
      if (!this.#isOpen || packet.retain || payload.length < datagramHeaderBytes) return;
      if (!gate.admit(payload.readUInt32LE(0), payload.readUInt32LE(4))) return;
      this.#dataListener(payload.subarray(datagramHeaderBytes));
    });
    client.on("error", (error) => {
      this.#lastError = ` (${error.message})`;
    });
    client.on("close", () => {
      this.#end(`the connection to the broker ${options.broker.url} was lost${this.#lastError}`);
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get writableBytes(): number {
    if (!this.#isOpen || this.#isStalled()) return 0;
    return Math.max(0, this.#maxPendingBytes - this.#client.stream.writableLength);
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > this.writableBytes) return false;
    // mqtt.js keeps the buffer until the socket took it.
    const message = Buffer.allocUnsafe(datagramHeaderBytes + end - start);
    message.writeUInt32LE(this.#sender, 0);
    message.writeUInt32LE(Math.round(this.#clock.nowMs()) >>> 0, 4);
    message.set(bytes.subarray(start, end), datagramHeaderBytes);
    this.#pendingSinceMs ??= this.#clock.nowMs();
    this.#client.publish(this.#topic, message, { qos: 0, retain: false }, () => {
      if (this.#client.stream.writableLength === 0) this.#pendingSinceMs = undefined;
    });
    return true;
  }

  /** What the socket holds cannot be taken back; the receiver drops it by its age. */
  discardPending(): void {}

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#dataListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  async close(): Promise<void> {
    this.#end("the connection was closed by the host");
    await this.#client.endAsync(true).catch(() => {});
  }

  #isStalled(): boolean {
    if (this.#client.stream.writableLength === 0) this.#pendingSinceMs = undefined;
    const sinceMs = this.#pendingSinceMs;
    return sinceMs !== undefined && this.#clock.nowMs() - sinceMs > this.#maxAgeMs;
  }

  #end(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#client.end(true);
    this.#closeListener(reason);
  }
}

function clientOptions({ broker, connectTimeoutMs }: MqttTransportOptions): IClientOptions {
  const { username, password, ca, cert, key } = broker;
  return {
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    keepalive: 5,
    connectTimeout: connectTimeoutMs ?? 5000,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** With `reconnectPeriod` 0 a broker that is not there is an 'error', or only a 'close'. */
function firstConnection(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error?: Error): void => {
      reject(
        error ??
          new OmpError("LINK_OPEN_FAILED", {
            what: "the broker closed the connection before accepting it",
          }),
      );
    };
    client.once("error", failed);
    client.once("close", failed);
    client.once("connect", () => {
      client.off("error", failed);
      client.off("close", failed);
      resolve();
    });
  });
}

function refused(options: MqttTransportOptions, observed: string, cause?: unknown): OmpError {
  return new OmpError("LINK_OPEN_FAILED", {
    what: `the broker ${options.broker.url} cannot be used for robot ${options.robotId}`,
    observed,
    expected: `a broker that lets this client use omp/v1/${options.robotId}/link/#`,
    next: "Check that the broker runs, its address, the credentials and its access list.",
    cause,
  });
}

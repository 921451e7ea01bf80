import { connect, type IClientOptions, type IClientPublishOptions, type MqttClient } from "mqtt";

import type { Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import { LineTransport, type Line } from "../transport/line-transport.ts";
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
  /** Messages that waited this long here, or took this much longer than the fastest one, are dropped, ms, default 100. */
  readonly maxAgeMs?: number;
  /** Bytes that may wait to be published, default 16384. */
  readonly maxPendingBytes?: number;
  /** Default 5000. */
  readonly connectTimeoutMs?: number;
}

/** CONNACK of a broker that does not speak the version: of MQTT 3.1.1 and of MQTT 5. */
const unknownVersionCodes: ReadonlySet<unknown> = new Set([1, 0x84]);

/**
 * Connects to a broker as one end of a robot's link: QoS 0, nothing retained, clean session, no reconnect, nothing queued while
 * offline. A lost broker closes the transport. With MQTT 5, messages also expire in the broker; a broker that only knows
 * MQTT 3.1.1 is used without that, and the receiver's age gate is what drops late ones.
 *
 * @throws {OmpError} LINK_OPEN_FAILED, INVALID_ARGUMENT
 */
export async function openMqttTransport(options: MqttTransportOptions): Promise<Transport> {
  const topics = linkTopics(options.robotId);
  const [readTopic, writeTopic] =
    options.end === "host" ? [topics.up, topics.down] : [topics.down, topics.up];
  const client = await connectedClient(options);
  try {
    // A retained message is never sent on subscribing, and one that is forwarded says what it is.
    const [grant] = await client.subscribeAsync(readTopic, { qos: 0, rh: 2, rap: true });
    if (grant !== undefined && grant.qos > 2) throw refused(options, `no read on ${readTopic}`);
  } catch (error) {
    throw abandoned(client, options, error);
  }
  return join(client, writeTopic, options);
}

/** A client that the broker has accepted, of the newest version it speaks. */
async function connectedClient(options: MqttTransportOptions): Promise<MqttClient> {
  const newest = connect(options.broker.url, clientOptions(options, 5));
  try {
    await firstConnection(newest);
    return newest;
  } catch (error) {
    const isUnknownVersion =
      error instanceof Error && "code" in error && unknownVersionCodes.has(error.code);
    const failure = abandoned(newest, options, error);
    if (!isUnknownVersion) throw failure;
  }
  const older = connect(options.broker.url, clientOptions(options, 4));
  try {
    await firstConnection(older);
    return older;
  } catch (error) {
    throw abandoned(older, options, error);
  }
}

/** Lets go of a client that came to nothing; what to throw. */
function abandoned(client: MqttClient, options: MqttTransportOptions, error: unknown): OmpError {
  client.on("error", () => {});
  client.end(true);
  if (error instanceof OmpError) return error;
  return refused(options, error instanceof Error ? error.message : String(error), error);
}

/** Bytes that may wait in the client's socket, where they can be neither aged nor taken back. */
const maxSocketBytes = 4096;

function join(client: MqttClient, writeTopic: string, options: MqttTransportOptions): Transport {
  const { clock, broker } = options;
  const maxAgeMs = options.maxAgeMs ?? 100;
  const transport = new LineTransport(new MqttLine(client, writeTopic, options), clock, {
    maxPendingBytes: options.maxPendingBytes ?? 16_384,
    maxPendingAgeMs: maxAgeMs,
  });
  const gate = new AgeGate(clock, maxAgeMs);
  let lastError = "";
  client.on("message", (_topic, payload, packet) => {
    if (packet.retain || payload.length < datagramHeaderBytes) return;
    if (!gate.admit(payload.readUInt32LE(0), payload.readUInt32LE(4))) return;
    transport.deliver(payload.subarray(datagramHeaderBytes));
  });
  client.on("error", (error) => {
    lastError = ` (${error.message})`;
  });
  client.on("close", () => {
    transport.end(`the connection to the broker ${broker.url} was lost${lastError}`);
  });
  return transport;
}

class MqttLine implements Line {
  readonly name: string;
  readonly #client: MqttClient;
  readonly #clock: Clock;
  readonly #topic: string;
  readonly #publishOptions: IClientPublishOptions;
  readonly #sender = globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

  constructor(client: MqttClient, topic: string, options: MqttTransportOptions) {
    const { clock, robotId, broker, maxAgeMs = 100 } = options;
    this.name = `mqtt ${robotId} at ${broker.url}`;
    this.#publishOptions = {
      qos: 0,
      retain: false,
      // Whole seconds are the finest that MQTT 5 has.
      ...(client.options.protocolVersion === 5 && {
        properties: { messageExpiryInterval: Math.ceil(maxAgeMs / 1000) },
      }),
    };
    this.#client = client;
    this.#clock = clock;
    this.#topic = topic;
  }

  /** A write is a message: all of it or nothing. */
  take(bytes: Uint8Array, start: number, length: number): number {
    if (this.#client.stream.writableLength + length > maxSocketBytes) return 0;
    // mqtt.js keeps the buffer until the socket took it.
    const message = Buffer.allocUnsafe(datagramHeaderBytes + length);
    message.writeUInt32LE(this.#sender, 0);
    message.writeUInt32LE(Math.round(this.#clock.nowMs()) >>> 0, 4);
    message.set(bytes.subarray(start, start + length), datagramHeaderBytes);
    this.#client.publish(this.#topic, message, this.#publishOptions);
    return length;
  }

  async release(): Promise<void> {
    await this.#client.endAsync(true).catch(() => {});
  }
}

function clientOptions(
  { broker, connectTimeoutMs }: MqttTransportOptions,
  protocolVersion: 4 | 5,
): IClientOptions {
  const { username, password, ca, cert, key } = broker;
  return {
    protocolVersion,
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

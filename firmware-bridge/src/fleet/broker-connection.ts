import { connect, type IClientOptions, type MqttClient } from "mqtt";

import type { Clock } from "../../../sdk/src/clock.ts";
import { ErrorCode, OmpError } from "../../../sdk/src/errors.ts";

/** What a broker may ask for besides its address. */
export interface BrokerCredentials {
  readonly username?: string;
  readonly password?: string;
  /** PEM. */
  readonly ca?: string;
  /** PEM, with `key`. */
  readonly cert?: string;
  readonly key?: string;
}

/** What the broker publishes, retained, when this connection ends without a DISCONNECT. */
export interface LastWill {
  readonly topic: string;
  readonly payload: string;
}

export interface BrokerConnectionOptions {
  /** "mqtt://127.0.0.1:1883", "mqtts://broker.example:8883" */
  readonly brokerUrl: string;
  readonly credentials?: BrokerCredentials;
  readonly clientId: string;
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  /** A broker that cannot be reached now is looked for again, as one that was lost. */
  readonly mayStartOffline?: boolean;
  /** Asked before every attempt. */
  readonly lastWill?: () => LastWill;
  /** A connection is up: subscribe and publish on `client`. */
  readonly opened: (client: MqttClient) => void;
  /** The connection is gone; the next attempt is on its way. */
  readonly lost: () => void;
}

const keepaliveSeconds = 5;
const firstRetryMs = 250;
const lastRetryMs = 10_000;
/** A connection that lasted this long was a good one: the next retry is quick again. */
const stableAfterMs = 5_000;

/**
 * One MQTT connection that comes back by itself, after 250 ms doubling to 10 s. Every attempt is a fresh client with a clean
 * session, so nothing that was handed to a lost connection is ever sent on a later one.
 */
export class BrokerConnection {
  readonly #options: BrokerConnectionOptions;
  #client: MqttClient | undefined;
  #attempting: MqttClient | undefined;
  #cancelRetry: () => void = () => {};
  #retryMs = firstRetryMs;
  #isClosed = false;
  #connections = 0;

  private constructor(options: BrokerConnectionOptions) {
    this.#options = options;
  }

  /**
   * The first attempt; `opened` has been called when this resolves, unless it `mayStartOffline`.
   *
   * @throws {OmpError} LINK_OPEN_FAILED unless it `mayStartOffline`, INVALID_ARGUMENT
   */
  static async open(options: BrokerConnectionOptions): Promise<BrokerConnection> {
    checkBrokerUrl(options.brokerUrl);
    const connection = new BrokerConnection(options);
    try {
      await connection.#attempt();
    } catch (error) {
      if (options.mayStartOffline !== true) throw error;
      connection.#scheduleRetry();
    }
    return connection;
  }

  get isOpen(): boolean {
    return this.#client !== undefined;
  }

  /** Connections after the first one. */
  get reconnects(): number {
    return Math.max(0, this.#connections - 1);
  }

  /** Says goodbye to the broker, which drops the last will. At most 500 ms, then the socket is destroyed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#attempting?.end(true);
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    await new Promise<void>((resolve) => {
      const { clock } = this.#options;
      const cancel = clock.callAt(clock.nowMs() + 500, resolve);
      // `end` would wait for every acknowledgement; what matters has been awaited by the caller.
      client.once("close", () => {
        cancel();
        resolve();
      });
      for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
      client.end();
    });
    client.stream.destroy();
  }

  async #attempt(): Promise<void> {
    const client = connect(this.#options.brokerUrl, clientOptions(this.#options));
    this.#attempting = client;
    try {
      await accepted(client);
    } catch (error) {
      client.end(true);
      throw openFailed(this.#options.brokerUrl, error);
    } finally {
      this.#attempting = undefined;
    }
    const openedAtMs = this.#options.clock.nowMs();
    client.once("close", () => {
      client.end(true);
      if (this.#client !== client) return;
      this.#client = undefined;
      if (this.#options.clock.nowMs() - openedAtMs > stableAfterMs) this.#retryMs = firstRetryMs;
      this.#options.lost();
      this.#scheduleRetry();
    });
    this.#client = client;
    this.#connections += 1;
    this.#options.opened(client);
  }

  #scheduleRetry(): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    // A fleet that lost its broker must not come back in one burst.
    const delayMs = this.#retryMs * (0.75 + 0.5 * Math.random());
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
    this.#cancelRetry = clock.callAt(clock.nowMs() + delayMs, () => {
      this.#attempt().catch(() => {
        this.#scheduleRetry();
      });
    });
  }
}

/** The address without its password, for people. */
export function displayUrl(brokerUrl: string): string {
  const url = new URL(brokerUrl);
  if (url.password !== "") url.password = "***";
  return url.href;
}

function checkBrokerUrl(brokerUrl: string): void {
  if (URL.canParse(brokerUrl) && /^(mqtts?|wss?):\/\/[^/]/.test(brokerUrl)) return;
  throw new OmpError(ErrorCode.InvalidArgument, {
    what: "the broker's address is not usable",
    observed: JSON.stringify(brokerUrl.replace(/\/\/.*@/, "//***@")),
    expected: "mqtt://HOST:PORT, mqtts://HOST:PORT, ws://HOST:PORT or wss://HOST:PORT",
  });
}

function clientOptions(options: BrokerConnectionOptions): IClientOptions {
  const will = options.lastWill?.();
  return {
    ...options.credentials,
    clientId: options.clientId,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    keepalive: keepaliveSeconds,
    connectTimeout: options.connectTimeoutMs,
    ...(will && {
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
    }),
  };
}

/** Resolves at CONNACK. The client always keeps an error listener, because an unheard 'error' would end the process. */
function accepted(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.on("error", reject);
    client.once("close", () => {
      reject(new Error("the connection was closed before the broker accepted it"));
    });
    client.once("connect", () => {
      resolve();
    });
  });
}

function openFailed(brokerUrl: string, cause: unknown): OmpError {
  return new OmpError(ErrorCode.LinkOpenFailed, {
    what: `the MQTT broker ${displayUrl(brokerUrl)} cannot be reached`,
    observed: reasonOf(cause),
    expected: "a broker that accepts this client",
    next: "Start a broker there (for example `mosquitto -p PORT`) or name another one; check host, port and credentials.",
    cause,
  });
}

/** "localhost" that is refused on both its addresses is an error without a message, with a code. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.message !== "") return cause.message;
  return "code" in cause ? String(cause.code) : cause.name;
}

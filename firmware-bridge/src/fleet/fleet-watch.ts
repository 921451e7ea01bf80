import type { MqttClient } from "mqtt";

import type { Clock } from "../../../sdk/src/clock.ts";
import { asOmpError, ErrorCode, OmpError } from "../../../sdk/src/errors.ts";
import { MonotonicClock } from "../../../sdk/src/runtime/node/monotonic-clock.ts";
import { BrokerConnection, type BrokerCredentials, displayUrl } from "./broker-connection.ts";
import { FleetTable, type FleetTableOptions, type RobotRecord } from "./fleet-table.ts";
import { type FleetMessage, type MalformedMessage, parseFleetMessage } from "./messages.ts";
import { checkRobotId, commandTopic, isRetained, watchFilters } from "./topics.ts";

export interface FleetWatchOptions extends FleetTableOptions {
  /** "mqtt://127.0.0.1:1883" */
  readonly brokerUrl: string;
  readonly credentials?: BrokerCredentials;
  /** Only this robot; all when left out. */
  readonly robotId?: string;
  /** Default: the machine's monotonic clock. */
  readonly clock?: Clock;
  /** Default 3000. */
  readonly connectTimeoutMs?: number;
}

/** All start at 0. */
export interface WatchCounters {
  messages: number;
  /** Messages that break FLEET.md. */
  malformed: number;
  /** Copies, messages of earlier connections, of robots beyond `maxRobots`, and retained ones where FLEET.md retains none. */
  ignored: number;
}

/** Watches every robot of a broker. A lost broker is looked for again by itself; meanwhile the robots grow stale. */
export class FleetWatch {
  readonly #clock: Clock;
  readonly #table: FleetTable;
  readonly #counters: WatchCounters = { messages: 0, malformed: 0, ignored: 0 };
  readonly #listeners = new Set<(message: FleetMessage | MalformedMessage) => void>();
  #broker: BrokerConnection | undefined;
  #client: MqttClient | undefined;

  private constructor(options: FleetWatchOptions) {
    this.#clock = options.clock ?? new MonotonicClock();
    this.#table = new FleetTable(options);
  }

  /**
   * Resolves when the broker accepted the subscriptions; retained births and statuses follow at once.
   *
   * @throws {OmpError} LINK_OPEN_FAILED, INVALID_ARGUMENT
   */
  static async connect(options: FleetWatchOptions): Promise<FleetWatch> {
    const { brokerUrl, credentials, robotId } = options;
    if (robotId !== undefined) checkRobotId(robotId);
    const watch = new FleetWatch(options);
    let subscribed: Promise<void> = Promise.resolve();
    watch.#broker = await BrokerConnection.open({
      brokerUrl,
      ...(credentials && { credentials }),
      clientId: `omp-watch-${globalThis.crypto.randomUUID()}`,
      clock: watch.#clock,
      connectTimeoutMs: options.connectTimeoutMs ?? 3000,
      opened: (client) => {
        client.on("message", (topic, payload, packet) => {
          watch.#receive(topic, payload, packet.retain);
        });
        watch.#client = client;
        subscribed = subscribe(client, robotId);
        subscribed.catch(() => {});
      },
      lost: () => {
        watch.#client = undefined;
      },
    });
    try {
      await subscribed;
    } catch (error) {
      await watch.close();
      throw notReadable(brokerUrl, error);
    }
    return watch;
  }

  /** False while the broker is gone. */
  get isConnected(): boolean {
    return this.#broker?.isOpen ?? false;
  }

  get counters(): Readonly<WatchCounters> {
    return this.#counters;
  }

  /** What is known now, sorted by id. */
  robots(): RobotRecord[] {
    return this.#table.robots(this.#clock.nowMs());
  }

  robot(robotId: string): RobotRecord | undefined {
    return this.#table.robot(robotId, this.#clock.nowMs());
  }

  /**
   * Sends a command, QoS 1, not retained; `FleetOperator` makes one.
   *
   * @throws {OmpError} LINK_CLOSED without a broker that takes it
   */
  async publishCommand(robotId: string, text: string): Promise<void> {
    try {
      if (this.#client === undefined) throw brokerGone();
      await this.#client.publishAsync(commandTopic(checkRobotId(robotId)), text, { qos: 1 });
    } catch (error) {
      throw asOmpError(error, ErrorCode.LinkClosed, "the command did not reach the broker");
    }
  }

  /** Calls `listener` after every message has been noted. Returns a function that unsubscribes. */
  onMessage(listener: (message: FleetMessage | MalformedMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    await this.#broker?.close();
  }

  #receive(topic: string, payload: Uint8Array, wasRetained: boolean): void {
    const message = parseFleetMessage(topic, payload);
    this.#counters.messages += 1;
    if (message.kind === "malformed") this.#counters.malformed += 1;
    else if (wasRetained && !isRetained(message.kind)) {
      this.#counters.ignored += 1;
      return;
    } else if (!this.#table.accept(message, this.#clock.nowMs())) this.#counters.ignored += 1;
    for (const listener of this.#listeners) listener(message);
  }
}

/** What comes again within a second is taken at QoS 0, the rest at QoS 1. */
async function subscribe(client: MqttClient, robotId: string | undefined): Promise<void> {
  const requests = watchFilters(robotId).map((filter) => {
    const qos = /\/(birth|status|event|result|history|bundle)$/.test(filter) ? 1 : 0;
    return [filter, { qos }] as const;
  });
  const grants = await client.subscribeAsync(Object.fromEntries(requests));
  const refused = grants.find(({ qos }) => qos === 128);
  if (refused === undefined) return;
  throw new OmpError(ErrorCode.LinkRefused, { what: `no read access to ${refused.topic}` });
}

function brokerGone(): OmpError {
  return new OmpError(ErrorCode.LinkClosed, {
    what: "the command cannot be sent",
    observed: "the broker is gone",
  });
}

function notReadable(brokerUrl: string, cause: unknown): OmpError {
  return new OmpError(ErrorCode.LinkOpenFailed, {
    what: `the MQTT broker ${displayUrl(brokerUrl)} does not let this client watch`,
    observed: cause instanceof Error ? cause.message : String(cause),
    expected: "read access to omp/v1/+/birth and the other topics of FLEET.md",
    next: "Check the broker's access list and the credentials.",
    cause,
  });
}

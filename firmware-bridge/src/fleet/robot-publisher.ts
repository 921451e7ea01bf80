import type { MqttClient } from "mqtt";

import type { Clock } from "../../../sdk/src/clock.ts";
import { BrokerConnection, type BrokerCredentials } from "./broker-connection.ts";
import { type BirthInfo, encodeBody, type Stamp, type StatusBody } from "./messages.ts";
import { commandTopic, type FleetTopicKind, isRetained, robotTopic } from "./topics.ts";

export interface RobotPublisherOptions {
  readonly brokerUrl: string;
  readonly credentials: BrokerCredentials;
  readonly robotId: string;
  readonly birth: BirthInfo;
  readonly clock: Clock;
  readonly utcNowMs: () => number;
  readonly connectTimeoutMs: number;
  readonly mayStartOffline: boolean;
  /** Undefined when the robot takes no commands. */
  readonly commands:
    | {
        /** @returns the nonce of the birth that is about to be sent */
        readonly startConnection: () => string;
        readonly receive: (payload: Uint8Array, isRetained: boolean) => void;
      }
    | undefined;
  /** Birth and status are on their way on a new connection. */
  readonly announced: () => void;
  readonly lost: () => void;
}

interface Connection {
  readonly client: MqttClient;
  /** Kinds whose last message the broker has not acknowledged. */
  readonly inFlight: Set<FleetTopicKind>;
}

/** Publishes for one robot: announces every connection with a birth, lodges its last will, stamps and counts. */
export class RobotPublisher {
  readonly #options: RobotPublisherOptions;
  readonly #sessionId: string = globalThis.crypto.randomUUID();
  #broker: BrokerConnection | undefined;
  #connection: Connection | undefined;
  #births = 0;
  #acknowledged = 0;

  constructor(options: RobotPublisherOptions) {
    this.#options = options;
  }

  /** @throws {OmpError} LINK_OPEN_FAILED, INVALID_ARGUMENT */
  async open(): Promise<void> {
    const { brokerUrl, credentials, robotId, clock, lost } = this.#options;
    this.#broker = await BrokerConnection.open({
      brokerUrl,
      credentials,
      clock,
      connectTimeoutMs: this.#options.connectTimeoutMs,
      mayStartOffline: this.#options.mayStartOffline,
      clientId: `omp-${robotId}-telemetry`,
      lastWill: () => ({
        topic: robotTopic(robotId, "status"),
        payload: this.#statusText("connection_lost", this.#births + 1),
      }),
      opened: (client) => {
        this.#announce(client);
      },
      lost: () => {
        this.#connection = undefined;
        lost();
      },
    });
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  get reconnects(): number {
    return this.#broker?.reconnects ?? 0;
  }

  /** Messages the broker acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** True when the broker is there and has acknowledged the last message of this kind. */
  isFree(kind: FleetTopicKind): boolean {
    return this.#connection !== undefined && !this.#connection.inFlight.has(kind);
  }

  /** @param atMs monotonic instant that is given on both clocks */
  stamp(atMs: number): Stamp {
    const { clock, utcNowMs } = this.#options;
    return {
      sessionId: this.#sessionId,
      birthSequence: Math.max(1, this.#births),
      utcMs: Math.round(utcNowMs() - (clock.nowMs() - atMs)),
      monotonicMs: atMs,
    };
  }

  /**
   * QoS 1. Nothing is sent without a connection.
   *
   * @returns a promise of whether the broker acknowledged; it never rejects
   */
  publish(kind: FleetTopicKind, text: string): Promise<boolean> {
    const connection = this.#connection;
    if (connection === undefined) return Promise.resolve(false);
    const retain = isRetained(kind);
    const topic = robotTopic(this.#options.robotId, kind);
    connection.inFlight.add(kind);
    return new Promise((resolve) => {
      connection.client.publish(topic, text, { qos: 1, retain }, (error) => {
        connection.inFlight.delete(kind);
        const isAcknowledged = !error;
        if (isAcknowledged) this.#acknowledged += 1;
        resolve(isAcknowledged);
      });
    });
  }

  /** The status of a robot that leaves on purpose. */
  goodbye(): Promise<boolean> {
    return this.publish("status", this.#statusText("goodbye", this.#births));
  }

  /** Disconnects without a last will. */
  async close(): Promise<void> {
    this.#connection = undefined;
    await this.#broker?.close();
  }

  #announce(client: MqttClient): void {
    this.#births += 1;
    this.#connection = { client, inFlight: new Set() };
    const { clock, birth } = this.#options;
    const commandNonce = this.#takeCommands(client);
    const stamp = this.stamp(clock.nowMs());
    void this.publish("birth", encodeBody("birth", { ...stamp, commandNonce, ...birth }));
    void this.publish("status", this.#statusText("online", this.#births));
    this.#options.announced();
  }

  /** Subscribes before the birth, so that whoever has seen the birth is heard. */
  #takeCommands(client: MqttClient): string {
    const { commands, robotId } = this.#options;
    if (commands === undefined) return "";
    const topic = commandTopic(robotId);
    client.on("message", (name, payload, packet) => {
      if (name === topic) commands.receive(payload, packet.retain);
    });
    // A refusal of the broker leaves a robot that takes no commands; the sender gets no result.
    client.subscribe(topic, { qos: 1 }, () => {});
    return commands.startConnection();
  }

  #statusText(reason: StatusBody["reason"], birthSequence: number): string {
    const online = reason === "online";
    return encodeBody("status", { online, reason, sessionId: this.#sessionId, birthSequence });
  }
}

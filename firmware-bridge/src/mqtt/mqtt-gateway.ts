import type { Clock } from "../../../sdk/src/clock.ts";
import { maxEncodedBytes } from "../protocol/constants.ts";
import type { OpenTransport, Transport } from "../transport/transport.ts";
import { openMqttTransport, type BrokerOptions } from "./mqtt-transport.ts";

export interface MqttGatewayOptions {
  readonly clock: Clock;
  readonly broker: BrokerOptions;
  readonly robotId: string;
  /** Opens the way to the controller beside the gateway. */
  readonly openTransport: OpenTransport;
  /** Pause before broker and controller are opened again after one of them was lost, ms, default 1000. */
  readonly retryMs?: number;
  /** Messages that took this much longer than the fastest one are dropped, ms, default 100. */
  readonly maxAgeMs?: number;
}

/**
 * Carries a robot's link between a broker and the controller beside it, byte for byte. It keeps nothing: when either side is lost both
 * are closed, the controller stops by its lease, and both are opened afresh.
 */
export class MqttGateway {
  readonly #options: MqttGatewayOptions;
  #broker: Transport | undefined;
  #controller: Transport | undefined;
  #isStopped = true;
  #cancelRetry: () => void = () => {};
  #lastFailure = "";

  constructor(options: MqttGatewayOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#broker?.isOpen === true && this.#controller?.isOpen === true;
  }

  /** Why it was last disconnected, for people; empty when it never was. */
  get lastFailure(): string {
    return this.#lastFailure;
  }

  /**
   * Opens both sides; from then on it reopens them by itself until `stop`.
   *
   * @throws {OmpError} LINK_OPEN_FAILED
   */
  async start(): Promise<void> {
    this.#isStopped = false;
    await this.#open();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry();
    await this.#closeBoth();
  }

  async #open(): Promise<void> {
    const { clock, broker, robotId, maxAgeMs } = this.#options;
    try {
      this.#controller = await this.#options.openTransport();
      this.#broker = await openMqttTransport({
        clock,
        broker,
        robotId,
        end: "controller",
        ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      });
    } catch (error) {
      await this.#closeBoth();
      throw error;
    }
    this.#join(this.#broker, this.#controller);
    if (this.#isStopped) await this.#closeBoth();
  }

  #join(broker: Transport, controller: Transport): void {
    const splitter = new FrameSplitter((bytes, end) => {
      broker.write(bytes, 0, end);
    });
    broker.onData((bytes) => {
      controller.write(bytes, 0, bytes.length);
    });
    controller.onData((bytes) => {
      splitter.push(bytes);
    });
    const lost = (reason: string): void => {
      if (this.#isStopped || this.#broker !== broker) return;
      this.#lastFailure = reason;
      void this.#closeBoth().then(this.#retry);
    };
    broker.onClose(lost);
    controller.onClose(lost);
  }

  readonly #retry = (): void => {
    if (this.#isStopped) return;
    const { clock, retryMs } = this.#options;
    this.#cancelRetry = clock.callAt(clock.nowMs() + (retryMs ?? 1000), () => {
      this.#open().catch((error: unknown) => {
        this.#lastFailure = error instanceof Error ? error.message : String(error);
        this.#retry();
      });
    });
  };

  async #closeBoth(): Promise<void> {
    const broker = this.#broker;
    const controller = this.#controller;
    this.#broker = undefined;
    this.#controller = undefined;
    await broker?.close();
    await controller?.close();
  }
}

/** Passes on whole frames: a datagram must not end inside one. */
class FrameSplitter {
  readonly #bytes = new Uint8Array(16 * (maxEncodedBytes + 1));
  readonly #take: (bytes: Uint8Array, end: number) => void;
  #length = 0;

  constructor(take: (bytes: Uint8Array, end: number) => void) {
    this.#take = take;
  }

  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      // Without a delimiter for this long it is not our protocol.
      if (this.#length === this.#bytes.length) this.#length = 0;
      this.#bytes[this.#length++] = byte;
    }
    const end = this.#bytes.lastIndexOf(0, this.#length - 1) + 1;
    if (end === 0 || this.#length === 0) return;
    this.#take(this.#bytes, end);
    this.#bytes.copyWithin(0, end, this.#length);
    this.#length -= end;
  }
}

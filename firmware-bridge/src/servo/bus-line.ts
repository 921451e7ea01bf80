import { sleepUntil, type Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import type { Transport } from "../transport/transport.ts";
import { PacketDecoder } from "./packet-decoder.ts";
import { Instruction, type PacketFormat, type ServoPacket } from "./packet-format.ts";
import { createServoBusCounters, type ServoBusCounters } from "./servo-bus-counters.ts";

export interface BusLineOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly format: PacketFormat;
  /** Bd, default 1000000. Sets the timeouts; the port's own rate is its opener's. */
  readonly baudRate?: number;
  /**
   * What adapter and operating system may add to an answer, ms, default 20: an FTDI chip keeps bytes for 16 ms unless its latency
   * timer was set to 1.
   */
  readonly latencyMs?: number;
  /** Whether the adapter returns what it sends, default false; `ServoBus.detectEcho` finds out. */
  readonly hasEcho?: boolean;
  /** To go on counting in, when a new line follows an old one. */
  readonly counters?: ServoBusCounters;
}

/** A servo's answer. */
export interface ServoReply {
  readonly id: number;
  /** The status byte: conditions for a Feetech servo, alert bit and refusal for a Dynamixel. */
  readonly error: number;
  /** A copy. */
  readonly data: Uint8Array;
}

/** An instruction on the line and who answers it. */
interface Exchange {
  readonly id: number;
  readonly instruction: number;
  readonly params: readonly number[];
  readonly ids: readonly number[];
  readonly dataBytes: number;
  readonly replies: (ServoReply | undefined)[];
  missing: number;
  readonly end: () => void;
}

/** Start, 8 data bits, stop. */
const bitsPerByte = 10;
/** Longest return delay a servo can be set to: 254 units of 2 µs. */
const returnDelayMs = 0.508;
/** A line this long without a byte carries no answer any more. */
const silenceMs = 2;
const maxSilenceWaits = 25;

/**
 * One instruction and its answers at a time on a half-duplex line. A late answer cannot be taken for another's: after a lost one the
 * next instruction waits for silence, and what arrives between two instructions is dropped and counted.
 */
export class BusLine {
  readonly counters: ServoBusCounters;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #format: PacketFormat;
  readonly #decoder: PacketDecoder;
  readonly #byteMs: number;
  readonly #latencyMs: number;
  readonly #request: Uint8Array;
  #requestBytes = 0;
  #hasEcho: boolean;
  /** Echoed bytes of the request so far; negative when the echo was wrong and everything behind it is dropped. */
  #echoedBytes = 0;
  #lineFreeAtMs = Number.NEGATIVE_INFINITY;
  #lastByteAtMs = Number.NEGATIVE_INFINITY;
  #exchange: Exchange | undefined;
  #endReason: string | undefined;
  #closeListener: (reason: string) => void = () => {};

  constructor(options: BusLineOptions) {
    const { transport, format } = options;
    this.#transport = transport;
    this.#clock = options.clock;
    this.#format = format;
    this.#byteMs = (bitsPerByte * 1000) / (options.baudRate ?? 1_000_000);
    this.#latencyMs = options.latencyMs ?? 20;
    this.#hasEcho = options.hasEcho ?? false;
    this.#request = new Uint8Array(format.maxPacketBytes);
    this.counters = options.counters ?? createServoBusCounters();
    this.#decoder = new PacketDecoder(format, this.#takePacket, this.counters);
    transport.onData((bytes) => {
      this.#takeBytes(bytes);
    });
    transport.onClose((reason) => {
      this.#end(reason);
    });
  }

  get name(): string {
    return this.#transport.name;
  }

  get isOpen(): boolean {
    return this.#endReason === undefined && this.#transport.isOpen;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  /** Time of `bytes` on the wire, ms. */
  wireMs(bytes: number): number {
    return bytes * this.#byteMs;
  }

  /**
   * Sends an instruction and waits for the answers of `ids`, each with `dataBytes` of data. With no ids it is over once the
   * instruction is on its way (and has come back, where there is an echo).
   *
   * @returns the answers in the order of `ids`; undefined for one that did not come in time
   * @throws {OmpError} LINK_CLOSED
   */
  async exchange(
    id: number,
    instruction: number,
    params: readonly number[],
    ids: readonly number[],
    dataBytes: number = 0,
  ): Promise<(ServoReply | undefined)[]> {
    this.#requireOpen();
    const replies: (ServoReply | undefined)[] = ids.map(() => undefined);
    if (!this.#send(id, instruction, params)) return replies;
    const waited = await new Promise<"answered" | "timeout">((resolve) => {
      const answerMs = returnDelayMs + this.wireMs(this.#format.statusBytes(dataBytes));
      const waitMs = this.#latencyMs + ids.length * answerMs;
      const isAnswered = ids.length === 0 && !this.#hasEcho;
      const cancel = isAnswered
        ? (): void => {}
        : this.#clock.callAt(this.#lineFreeAtMs + waitMs, () => {
            // A whole answer may stand behind the beginning of a damaged one.
            this.#decoder.flush();
            this.#exchange = undefined;
            resolve("timeout");
          });
      const end = (): void => {
        cancel();
        this.#exchange = undefined;
        resolve("answered");
      };
      const missing = ids.length;
      this.#exchange = { id, instruction, params, ids, dataBytes, replies, missing, end };
      if (isAnswered) end();
    });
    if (waited === "timeout") {
      this.counters.timeouts++;
      await this.#silence();
    }
    this.#requireOpen();
    return replies;
  }

  /** Sends an instruction that nobody answers and sees whether it comes back; strips the echo from then on. */
  async probeEcho(id: number, instruction: number, params: readonly number[]): Promise<boolean> {
    const { timeouts, echoErrors } = this.counters;
    this.#hasEcho = true;
    await this.exchange(id, instruction, params, []);
    this.#hasEcho = this.#echoedBytes === this.#requestBytes;
    this.counters.timeouts = timeouts;
    this.counters.echoErrors = echoErrors;
    return this.#hasEcho;
  }

  async close(): Promise<void> {
    this.#end("the bus was closed by the host");
    await this.#transport.close();
  }

  #send(id: number, instruction: number, params: readonly number[]): boolean {
    this.#decoder.flush();
    this.#requestBytes = this.#format.writeInstruction(this.#request, id, instruction, params);
    this.#echoedBytes = 0;
    if (!this.#transport.write(this.#request, 0, this.#requestBytes)) {
      this.counters.writesRefused++;
      this.#requireOpen();
      return false;
    }
    this.counters.packetsSent++;
    const startMs = Math.max(this.#clock.nowMs(), this.#lineFreeAtMs);
    this.#lineFreeAtMs = startMs + this.wireMs(this.#requestBytes);
    return true;
  }

  #takeBytes(bytes: Uint8Array): void {
    this.#lastByteAtMs = this.#clock.nowMs();
    let at = 0;
    while (this.#hasEcho && at < bytes.length && this.#echoedBytes !== this.#requestBytes) {
      if (this.#echoedBytes >= 0 && bytes[at] !== this.#request[this.#echoedBytes]) {
        this.counters.echoErrors++;
        this.#echoedBytes = -1;
      }
      if (this.#echoedBytes < 0) {
        this.counters.garbageBytes += bytes.length - at;
        return;
      }
      this.#echoedBytes++;
      at++;
    }
    const isEchoOver = at > 0 && this.#echoedBytes === this.#requestBytes;
    if (isEchoOver && this.#exchange?.ids.length === 0) this.#exchange.end();
    if (at < bytes.length) this.#decoder.push(at === 0 ? bytes : bytes.subarray(at));
  }

  readonly #takePacket = (packet: Readonly<ServoPacket>): void => {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.counters.unexpectedPackets++;
      return;
    }
    if (isEchoOf(exchange, packet)) {
      this.counters.unexpectedEchoes++;
      return;
    }
    const index = exchange.ids.indexOf(packet.id);
    const isRefused = this.#format.refusal(packet.error) !== undefined;
    const isWhole = packet.params.length === (isRefused ? 0 : exchange.dataBytes);
    if (!this.#format.isStatus(packet) || index < 0 || !isWhole || exchange.replies[index]) {
      this.counters.unexpectedPackets++;
      return;
    }
    const { id, error, params } = packet;
    exchange.replies[index] = { id, error, data: params.slice() };
    exchange.missing--;
    if (exchange.missing === 0) exchange.end();
  };

  async #silence(): Promise<void> {
    for (let wait = 0; wait < maxSilenceWaits; wait++) {
      const sinceMs = this.#clock.nowMs();
      await sleepUntil(this.#clock, sinceMs + silenceMs);
      if (this.#lastByteAtMs < sinceMs) return;
    }
  }

  #requireOpen(): void {
    if (this.isOpen) return;
    throw new OmpError("LINK_CLOSED", {
      what: `${this.name} is closed`,
      observed: this.#endReason ?? "the transport ended",
      next: "Open it again.",
    });
  }

  #end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.counters.writesDropped += this.#transport.writesDropped;
    this.#exchange?.end();
    this.#closeListener(reason);
  }
}

/** Whether the host's own packet came back. A ping is left out: a Feetech servo may truly answer with the same bytes. */
function isEchoOf(exchange: Readonly<Exchange>, packet: Readonly<ServoPacket>): boolean {
  const { id, instruction, params } = exchange;
  return (
    instruction !== Instruction.Ping &&
    packet.id === id &&
    packet.instruction === instruction &&
    packet.params.length === params.length &&
    params.every((byte, i) => packet.params[i] === byte)
  );
}

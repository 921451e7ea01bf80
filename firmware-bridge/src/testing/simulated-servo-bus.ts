import type { Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import { crc16 } from "../servo/dynamixel/crc16.ts";
import { DynamixelInstruction } from "../servo/dynamixel/dynamixel-format.ts";
import { PacketDecoder } from "../servo/packet-decoder.ts";
import {
  Instruction,
  broadcastId,
  type PacketFormat,
  type ServoPacket,
} from "../servo/packet-format.ts";
import type { OpenTransport } from "../transport/transport.ts";
import {
  SimulatedServo,
  type SimulatedAnswer,
  type SimulatedServoOptions,
} from "./simulated-servo.ts";
import { SimulatedServoTransport } from "./simulated-servo-transport.ts";

export interface SimulatedServoBusOptions {
  readonly clock: Clock;
  /** All of one family, each id once. */
  readonly servos: readonly SimulatedServoOptions[];
  /** Bd, default 1000000. */
  readonly baudRate?: number;
  /** From an instruction to its answer, ms, default 0.5. */
  readonly returnDelayMs?: number;
  /** Whether the adapter returns what the host sends, default false. */
  readonly hasEcho?: boolean;
}

/** What is wrong with one servo. */
export interface ServoTrouble {
  /** Does not answer, and obeys nothing. */
  readonly isSilent?: boolean;
  /** Its next so many answers have a flipped bit. */
  readonly corruptAnswers?: number;
  /** Its next so many answers lose their second half. */
  readonly cutAnswers?: number;
  /** Answers with another id than its own. */
  readonly answersAs?: number;
}

/** Whoever listens on the host's side of the line. */
export interface SimulatedLine {
  deliver(bytes: Uint8Array): void;
  end(reason: string): void;
}

/**
 * A half-duplex bus with servos on it, in the time of a clock. Instructions act when their last bit has arrived, answers come after the
 * return delay and as long as they take on the wire. In a sync read every servo waits for the one before it: behind a silent one nobody
 * answers.
 */
export class SimulatedServoBus {
  readonly servos: readonly SimulatedServo[];
  /** Opens the host's end; a new one takes the line from the one before it. */
  readonly openTransport: OpenTransport;
  readonly format: PacketFormat;
  readonly #clock: Clock;
  readonly #byteMs: number;
  readonly #returnDelayMs: number;
  readonly #hasEcho: boolean;
  readonly #decoder: PacketDecoder;
  readonly #troubles = new Map<number, ServoTrouble>();
  readonly #scratch: Uint8Array;
  #line: SimulatedLine | undefined;
  #lineFreeAtMs = Number.NEGATIVE_INFINITY;
  #isUnplugged = false;

  constructor(options: SimulatedServoBusOptions) {
    const { clock, servos } = options;
    this.#clock = clock;
    this.#byteMs = 10_000 / (options.baudRate ?? 1_000_000);
    this.#returnDelayMs = options.returnDelayMs ?? 0.5;
    this.#hasEcho = options.hasEcho ?? false;
    this.servos = servos.map((servo) => new SimulatedServo(servo, clock.nowMs()));
    const format = servos[0]?.model.format;
    if (format === undefined) {
      throw new OmpError("INVALID_ARGUMENT", { what: "a simulated bus needs a servo" });
    }
    this.format = format;
    this.#scratch = new Uint8Array(format.maxPacketBytes);
    this.#decoder = new PacketDecoder(format, (packet) => {
      this.#obey(packet);
    });
    this.openTransport = async () => {
      if (this.#isUnplugged) {
        throw new OmpError("LINK_OPEN_FAILED", { what: "the simulated servo bus is unplugged" });
      }
      this.#line?.end("another host took the line");
      const transport = new SimulatedServoTransport(this);
      this.#line = transport;
      return Promise.resolve(transport);
    };
  }

  /** @throws {OmpError} INVALID_ARGUMENT when there is no such servo */
  servo(id: number): SimulatedServo {
    const found = this.servos.find((servo) => servo.id === id);
    if (found === undefined) {
      throw new OmpError("INVALID_ARGUMENT", { what: `there is no simulated servo ${id}` });
    }
    return found;
  }

  /** Makes a servo misbehave; `{}` makes it well. */
  trouble(id: number, trouble: ServoTrouble): void {
    this.#troubles.set(id, trouble);
  }

  /** The cable leaves the port: what is under way is lost. */
  unplug(): void {
    this.#isUnplugged = true;
    const line = this.#line;
    this.#line = undefined;
    line?.end("the simulated servo bus was unplugged");
  }

  replug(): void {
    this.#isUnplugged = false;
  }

  /** Serves a line that is not a transport of this process, for example a pty. */
  attach(line: SimulatedLine): void {
    this.#line = line;
  }

  /** For the line: it is gone. */
  detach(line: SimulatedLine): void {
    if (this.#line === line) this.#line = undefined;
  }

  /** Brings every motor to now. */
  settle(): void {
    for (const servo of this.servos) servo.advanceTo(this.#clock.nowMs());
  }

  /** For the line: bytes from the host. */
  receive(bytes: Uint8Array): void {
    const copy = bytes.slice();
    const nowMs = this.#clock.nowMs();
    this.#lineFreeAtMs = Math.max(nowMs, this.#lineFreeAtMs) + copy.length * this.#byteMs;
    if (this.#hasEcho) this.#deliverAt(this.#lineFreeAtMs, copy);
    this.#at(this.#lineFreeAtMs, () => {
      this.#decoder.push(copy);
    });
  }

  #obey(packet: Readonly<ServoPacket>): void {
    this.settle();
    if (!this.#isInstruction(packet)) return;
    const { id, instruction, params } = packet;
    if (instruction === Instruction.SyncWrite) this.#syncWrite(params);
    else if (instruction === Instruction.SyncRead) this.#syncRead(params);
    else if (instruction === DynamixelInstruction.FastSyncRead) this.#fastSyncRead(params);
    else {
      for (const servo of this.servos) {
        if (servo.id !== id && id !== broadcastId) continue;
        if (this.#isSilent(servo.id)) continue;
        const answer = servo.execute(instruction, params);
        const isAnswered = id !== broadcastId || instruction === Instruction.Ping;
        if (answer !== undefined && isAnswered) this.#answer(servo.id, answer);
      }
    }
  }

  #syncWrite(params: Uint8Array): void {
    const { address, length, rest } = this.#split(params);
    for (let at = 0; at + length < rest.length; at += 1 + length) {
      const servo = this.#present(rest[at] ?? 0);
      servo?.hear();
      servo?.write(address, rest.slice(at + 1, at + 1 + length));
    }
  }

  #syncRead(params: Uint8Array): void {
    const { address, length, rest } = this.#split(params);
    for (const id of rest) {
      const servo = this.#present(id);
      if (servo === undefined) return;
      servo.hear();
      this.#answer(id, servo.read(address, length));
    }
  }

  #fastSyncRead(params: Uint8Array): void {
    const { address, length, rest } = this.#split(params);
    const packetLength = 1 + rest.length * (length + 4);
    const bytes = [
      0xff,
      0xff,
      0xfd,
      0x00,
      broadcastId,
      packetLength & 0xff,
      packetLength >> 8,
      0x55,
    ];
    for (const id of rest) {
      const servo = this.#present(id);
      // The rest of the packet never comes.
      if (servo === undefined) break;
      servo.hear();
      const { error, data } = servo.read(address, length);
      bytes.push(error, id, ...data);
      const crc = crc16(bytes, 0, bytes.length);
      bytes.push(crc & 0xff, crc >> 8);
    }
    this.#transmit(Uint8Array.from(bytes));
  }

  #answer(id: number, { error, data }: SimulatedAnswer): void {
    const trouble = this.#troubles.get(id) ?? {};
    const length = this.format.writeStatus(this.#scratch, trouble.answersAs ?? id, error, data);
    let bytes = this.#scratch.slice(0, length);
    if ((trouble.corruptAnswers ?? 0) > 0) {
      this.#troubles.set(id, { ...trouble, corruptAnswers: (trouble.corruptAnswers ?? 0) - 1 });
      const at = length - 2;
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    } else if ((trouble.cutAnswers ?? 0) > 0) {
      this.#troubles.set(id, { ...trouble, cutAnswers: (trouble.cutAnswers ?? 0) - 1 });
      bytes = bytes.slice(0, length >> 1);
    }
    this.#transmit(bytes);
  }

  #transmit(bytes: Uint8Array): void {
    const startMs = Math.max(this.#clock.nowMs() + this.#returnDelayMs, this.#lineFreeAtMs);
    this.#lineFreeAtMs = startMs + bytes.length * this.#byteMs;
    this.#deliverAt(this.#lineFreeAtMs, bytes);
  }

  #deliverAt(atMs: number, bytes: Uint8Array): void {
    const line = this.#line;
    this.#at(atMs, () => {
      if (this.#line === line) line?.deliver(bytes);
    });
  }

  #at(atMs: number, callback: () => void): void {
    this.#clock.callAt(atMs, callback);
  }

  #present(id: number): SimulatedServo | undefined {
    return this.#isSilent(id) ? undefined : this.servos.find((servo) => servo.id === id);
  }

  #isSilent(id: number): boolean {
    return this.#troubles.get(id)?.isSilent === true;
  }

  #isInstruction(packet: Readonly<ServoPacket>): boolean {
    return this.format.family === "feetech" || !this.format.isStatus(packet);
  }

  #split(params: Uint8Array): { address: number; length: number; rest: Uint8Array } {
    const u16 = (at: number): number => (params[at] ?? 0) | ((params[at + 1] ?? 0) << 8);
    return this.format.addressBytes === 1
      ? { address: params[0] ?? 0, length: params[1] ?? 0, rest: params.slice(2) }
      : { address: u16(0), length: u16(2), rest: params.slice(4) };
  }
}

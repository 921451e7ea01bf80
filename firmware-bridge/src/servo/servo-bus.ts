import { OmpError } from "../../../sdk/src/errors.ts";
import { BusLine, type BusLineOptions, type ServoReply } from "./bus-line.ts";
import { DynamixelInstruction, fastBlocks, fastStatusBytes } from "./dynamixel/dynamixel-format.ts";
import { Instruction, broadcastId, maxServoId, type PacketFormat } from "./packet-format.ts";
import { readRegister, registerBytes, type Register } from "./register.ts";
import type { ServoBusCounters } from "./servo-bus-counters.ts";

export interface ServoBusOptions extends BusLineOptions {
  /** How often something that may be repeated is tried, default 3. */
  readonly attempts?: number;
}

/** An id nobody should have; what comes back from it is the adapter's echo. */
const echoProbeId = maxServoId;
const probeAddress = 3;
const maxAskedAlone = 2;

/**
 * The one host of a servo bus. One transaction at a time, in the order of the calls.
 *
 * What may be repeated is repeated when its answer is lost: reads, and writes of absolute values. What does something each time it
 * arrives is sent once: ACTION, REBOOT, and whatever the caller hands to `writeOnce`. A lost or damaged packet costs its transaction
 * and is counted; it never throws out of anything but that transaction.
 */
export class ServoBus {
  readonly format: PacketFormat;
  readonly #line: BusLine;
  readonly #attempts: number;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: ServoBusOptions) {
    this.#line = new BusLine(options);
    this.#attempts = options.attempts ?? 3;
    this.format = options.format;
  }

  get name(): string {
    return this.#line.name;
  }

  get isOpen(): boolean {
    return this.#line.isOpen;
  }

  get counters(): Readonly<ServoBusCounters> {
    return this.#line.counters;
  }

  /** Sets the only listener; called once, when the transport has ended. */
  onClose(listener: (reason: string) => void): void {
    this.#line.onClose(listener);
  }

  /**
   * Finds out whether the adapter echoes what it sends, and strips the echo from then on. Asks an id that no servo should have.
   *
   * @throws {OmpError} LINK_CLOSED
   */
  async detectEcho(): Promise<boolean> {
    return this.#exclusively(async () => {
      const params = [...this.#u(probeAddress), ...this.#u(2)];
      return this.#line.probeEcho(echoProbeId, Instruction.Read, params);
    });
  }

  /** Whether a servo answers a ping; a Dynamixel's data is model number and firmware. */
  async ping(id: number, attempts: number = this.#attempts): Promise<ServoReply | undefined> {
    const dataBytes = this.format.family === "dynamixel" ? 3 : 0;
    return this.#ask(id, Instruction.Ping, [], dataBytes, attempts);
  }

  /** @throws {OmpError} LINK_TIMEOUT, LINK_REFUSED, LINK_CLOSED */
  async read(id: number, address: number, length: number): Promise<ServoReply> {
    const params = [...this.#u(address), ...this.#u(length)];
    const reply = await this.#ask(id, Instruction.Read, params, length, this.#attempts);
    return this.#demand(reply, id, `a read of register ${address}`);
  }

  /** Value of one register, counts. @throws as `read` */
  async readRegister(id: number, register: Register): Promise<number> {
    return readRegister(register, (await this.read(id, register.address, register.bytes)).data);
  }

  /**
   * Writes an absolute value, repeated until it is answered.
   *
   * @throws {OmpError} LINK_TIMEOUT, LINK_REFUSED, LINK_CLOSED
   */
  async write(id: number, address: number, data: ArrayLike<number>): Promise<ServoReply> {
    const params = [...this.#u(address), ...Array.from(data)];
    const reply = await this.#ask(id, Instruction.Write, params, 0, this.#attempts);
    return this.#demand(reply, id, `a write of register ${address}`);
  }

  /** Value in counts. @throws as `write` */
  async writeRegister(id: number, register: Register, value: number): Promise<ServoReply> {
    return this.write(id, register.address, registerBytes(register, value));
  }

  /** Writes what must not arrive twice, for example a relative move. Without an answer it is not known whether it was done. */
  async writeOnce(id: number, address: number, data: ArrayLike<number>): Promise<ServoReply> {
    const params = [...this.#u(address), ...Array.from(data)];
    const reply = await this.#ask(id, Instruction.Write, params, 0, 1);
    return this.#demand(reply, id, `a write of register ${address}`);
  }

  /** Registers an absolute write that the next `action` carries out. @throws as `write` */
  async regWrite(id: number, address: number, data: ArrayLike<number>): Promise<ServoReply> {
    const params = [...this.#u(address), ...Array.from(data)];
    const reply = await this.#ask(id, Instruction.RegWrite, params, 0, this.#attempts);
    return this.#demand(reply, id, `a registered write of register ${address}`);
  }

  /** Carries out every registered write on the bus. Sent once, answered by nobody. */
  async action(): Promise<void> {
    await this.#exclusively(() => this.#line.exchange(broadcastId, Instruction.Action, [], []));
  }

  /** Restarts a Dynamixel: torque is off afterwards. Sent once. @throws {OmpError} LINK_TIMEOUT, LINK_REFUSED, LINK_CLOSED */
  async reboot(id: number): Promise<void> {
    const reply = await this.#ask(id, DynamixelInstruction.Reboot, [], 0, 1);
    this.#demand(reply, id, "a reboot");
  }

  /**
   * Reads the same registers of many servos. The first two who did not answer are asked again alone: one lost packet costs nothing,
   * a silent servo is told from one behind it, and a dead bus does not take a timeout for each of its servos.
   *
   * @param fast all answers in one packet (Dynamixel, newer firmware)
   * @returns in the order of `ids`; undefined for a servo that did not answer
   * @throws {OmpError} LINK_CLOSED
   */
  async syncRead(
    ids: readonly number[],
    address: number,
    length: number,
    fast: boolean = false,
  ): Promise<(ServoReply | undefined)[]> {
    const params = [...this.#u(address), ...this.#u(length), ...ids];
    const replies = fast
      ? await this.#fastSyncRead(params, ids, length)
      : await this.#exclusively(() =>
          this.#line.exchange(broadcastId, Instruction.SyncRead, params, ids, length),
        );
    const read = [...this.#u(address), ...this.#u(length)];
    let asked = 0;
    for (const [i, id] of ids.entries()) {
      if (replies[i] !== undefined || asked === maxAskedAlone) continue;
      asked++;
      replies[i] = await this.#ask(id, Instruction.Read, read, length, 1);
      this.#line.counters.retries++;
    }
    return replies;
  }

  /**
   * Writes `bytes` bytes at `address` of every servo in one packet. Nobody answers, so whether it arrived is seen only by reading.
   *
   * @param data one servo's bytes after the other's
   * @returns false when the transport refused it
   * @throws {OmpError} LINK_CLOSED
   */
  async syncWrite(
    ids: readonly number[],
    address: number,
    bytes: number,
    data: Uint8Array,
  ): Promise<boolean> {
    const params = [...this.#u(address), ...this.#u(bytes)];
    ids.forEach((id, i) => params.push(id, ...data.subarray(i * bytes, (i + 1) * bytes)));
    return this.#exclusively(async () => {
      const refused = this.#line.counters.writesRefused;
      await this.#line.exchange(broadcastId, Instruction.SyncWrite, params, []);
      return this.#line.counters.writesRefused === refused;
    });
  }

  /** How long a sync write of `writeBytes` and a sync read of `readBytes` for each of `servoCount` servos take on the wire, ms. */
  cycleMs(servoCount: number, writeBytes: number, readBytes: number): number {
    const request = this.format.statusBytes(0);
    const bytes = 2 * request + servoCount * (2 + writeBytes + this.format.statusBytes(readBytes));
    return this.#line.wireMs(bytes);
  }

  /** A reading whose checksum was right and whose content cannot be. */
  countImplausible(): void {
    this.#line.counters.implausibleReadings++;
  }

  /** Ends every transaction and closes the transport. Safe twice. */
  async close(): Promise<void> {
    await this.#line.close();
  }

  async #fastSyncRead(
    params: readonly number[],
    ids: readonly number[],
    length: number,
  ): Promise<(ServoReply | undefined)[]> {
    const bytes = fastStatusBytes(ids.length, length);
    const dataBytes = bytes - this.format.statusBytes(0);
    const [whole] = await this.#exclusively(() =>
      this.#line.exchange(
        broadcastId,
        DynamixelInstruction.FastSyncRead,
        params,
        [broadcastId],
        dataBytes,
      ),
    );
    if (whole === undefined) return ids.map(() => undefined);
    const packet = { id: broadcastId, instruction: 0x55, error: whole.error, params: whole.data };
    const blocks = fastBlocks(packet, length) ?? [];
    return ids.map((id) => blocks.find((block) => block.id === id));
  }

  async #ask(
    id: number,
    instruction: number,
    params: readonly number[],
    dataBytes: number,
    attempts: number,
  ): Promise<ServoReply | undefined> {
    return this.#exclusively(async () => {
      for (let attempt = 1; ; attempt++) {
        const [reply] = await this.#line.exchange(id, instruction, params, [id], dataBytes);
        if (reply !== undefined || attempt >= attempts) return reply;
        this.#line.counters.retries++;
      }
    });
  }

  #demand(reply: ServoReply | undefined, id: number, what: string): ServoReply {
    if (reply === undefined) {
      throw new OmpError("LINK_TIMEOUT", {
        what: `servo ${id} did not answer ${what}`,
        next: "Check its power, its cable and its id.",
      });
    }
    const refusal = this.format.refusal(reply.error);
    if (refusal === undefined) return reply;
    throw new OmpError("LINK_REFUSED", { what: `servo ${id} refused ${what}`, observed: refusal });
  }

  /** Runs `transaction` after all that were begun before it. */
  #exclusively<T>(transaction: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(transaction);
    this.#tail = result.catch(() => {});
    return result;
  }

  /** An address or a length as this family writes it. */
  #u(value: number): number[] {
    return this.format.addressBytes === 1 ? [value] : [value & 0xff, value >> 8];
  }
}

import {
  Judgement,
  createServoPacket,
  type PacketFormat,
  type ServoPacket,
} from "./packet-format.ts";

/** What came in and what was lost on the way; all start at 0. */
export interface PacketDecoderCounters {
  packets: number;
  /** Headers whose packet failed its checksum or CRC. */
  checksumErrors: number;
  /** Headers with an impossible length or broken stuffing. */
  malformed: number;
  /** Bytes that are part of no packet, those of the failed ones included. */
  garbageBytes: number;
}

/** All counters at 0. */
export function createPacketDecoderCounters(): PacketDecoderCounters {
  return { packets: 0, checksumErrors: 0, malformed: 0, garbageBytes: 0 };
}

/** Takes one packet, which is valid until it returns. It must not push into the decoder. */
export type PacketListener = (packet: Readonly<ServoPacket>) => void;

/**
 * Finds packets in a byte stream, in pieces of any size. Where a packet turns out not to be one, the search goes on one byte
 * further, so that a false or damaged header costs no packet behind it. Memory is bounded by two packets.
 */
export class PacketDecoder {
  readonly counters: PacketDecoderCounters;
  readonly #format: PacketFormat;
  readonly #listener: PacketListener;
  readonly #packet = createServoPacket();
  readonly #bytes: Uint8Array;
  #start = 0;
  #end = 0;

  /** @param counters to go on counting in, when a new stream follows an old one */
  constructor(
    format: PacketFormat,
    listener: PacketListener,
    counters: PacketDecoderCounters = createPacketDecoderCounters(),
  ) {
    this.#format = format;
    this.#listener = listener;
    this.counters = counters;
    this.#bytes = new Uint8Array(2 * format.maxPacketBytes);
  }

  /** True while bytes wait that may be the beginning of a packet. */
  get isPending(): boolean {
    return this.#end > this.#start;
  }

  /** Takes the next bytes of the stream. */
  push(bytes: Uint8Array): void {
    let taken = 0;
    while (taken < bytes.length) {
      this.#makeRoom();
      const count = Math.min(bytes.length - taken, this.#bytes.length - this.#end);
      this.#bytes.set(bytes.subarray(taken, taken + count), this.#end);
      this.#end += count;
      taken += count;
      this.#search(false);
    }
  }

  /** Nothing more will come: what looks like the beginning of a packet is garbage, and a packet behind it is found. */
  flush(): void {
    this.#search(true);
  }

  #makeRoom(): void {
    if (this.#start === 0) return;
    this.#bytes.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }

  #search(isOver: boolean): void {
    while (this.#end > this.#start) {
      const judgement = this.#format.judge(this.#bytes, this.#start, this.#end);
      if (judgement === Judgement.Incomplete && !isOver) return;
      if (judgement > 0) {
        this.#format.read(this.#bytes, this.#start, judgement, this.#packet);
        this.#start += judgement;
        this.counters.packets++;
        this.#listener(this.#packet);
        continue;
      }
      if (judgement === Judgement.ChecksumError) this.counters.checksumErrors++;
      if (judgement === Judgement.Malformed) this.counters.malformed++;
      this.counters.garbageBytes++;
      this.#start++;
    }
  }
}

/** Instructions that both families share; a family's own stand in its format. */
export const Instruction = {
  Ping: 0x01,
  Read: 0x02,
  Write: 0x03,
  RegWrite: 0x04,
  Action: 0x05,
  SyncRead: 0x82,
  SyncWrite: 0x83,
} as const;
export type Instruction = (typeof Instruction)[keyof typeof Instruction];

/** Every servo obeys, none answers (except a Dynamixel's PING and fast sync read). */
export const broadcastId = 0xfe;
/** Ids go from 0 to here for both families. */
export const maxServoId = 252;

/** One packet. The same object is filled again by the next one. */
export interface ServoPacket {
  id: number;
  /** Of a host's packet. 0x55 in a Dynamixel's status. A Feetech packet does not say whose it is: here stands the same byte as `error`. */
  instruction: number;
  /** Status byte of a servo's packet. */
  error: number;
  /** What follows instruction or error, without stuffing. Valid until the next packet. */
  params: Uint8Array;
}

/** What {@link PacketFormat.judge} says, besides a packet's length, about the bytes at one place. */
export const Judgement = {
  /** Too few bytes to say. */
  Incomplete: 0,
  /** No packet starts here. */
  NoHeader: -1,
  /** A header with a length no packet has, or with broken stuffing. */
  Malformed: -2,
  ChecksumError: -3,
} as const;

/** How one family puts packets on the wire. Stateless. */
export interface PacketFormat {
  readonly family: "feetech" | "dynamixel";
  /** The longest packet this side reads or writes, bytes. */
  readonly maxPacketBytes: number;
  /** Width of register addresses and lengths in READ, WRITE and the sync instructions, bytes. */
  readonly addressBytes: 1 | 2;
  /** Most params of an instruction packet. */
  readonly maxParams: number;
  /** Least length of a status packet with `dataBytes` of data, bytes. */
  statusBytes(dataBytes: number): number;
  /** Writes a host's packet to `out` from index 0. @returns its length, bytes */
  writeInstruction(
    out: Uint8Array,
    id: number,
    instruction: number,
    params: ArrayLike<number>,
  ): number;
  /** Writes a servo's packet to `out` from index 0. @returns its length, bytes */
  writeStatus(out: Uint8Array, id: number, error: number, params: ArrayLike<number>): number;
  /** @returns the length of the valid packet that starts at `start`, or a {@link Judgement} */
  judge(bytes: Uint8Array, start: number, end: number): number;
  /** Takes apart a packet that was judged valid. */
  read(bytes: Uint8Array, start: number, length: number, out: ServoPacket): void;
  /** Whether a servo may have sent it. A Feetech packet always may. */
  isStatus(packet: Readonly<ServoPacket>): boolean;
  /** Why a status says the instruction was not carried out, or undefined when it was. */
  refusal(error: number): string | undefined;
}

/** A packet to be filled. */
export function createServoPacket(): ServoPacket {
  return { id: 0, instruction: 0, error: 0, params: new Uint8Array(0) };
}

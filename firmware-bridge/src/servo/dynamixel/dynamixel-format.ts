import { Judgement, broadcastId, type PacketFormat, type ServoPacket } from "../packet-format.ts";
import { crc16 } from "./crc16.ts";

const headerBytes = 7;
const crcBytes = 2;
const minLength = 3;
const maxPacketBytes = 512;
const statusInstruction = 0x55;
/** A status says in this bit that the servo's hardware error register is not 0. */
export const hardwareAlertBit = 0x80;

/** Instructions only Dynamixel has. */
export const DynamixelInstruction = { Reboot: 0x08, Status: 0x55, FastSyncRead: 0x8a } as const;

const refusals: readonly (string | undefined)[] = [
  undefined,
  "result fail: the instruction could not be processed",
  "instruction error: the servo does not know the instruction",
  "CRC error: the servo got a damaged packet",
  "data range error: the value is out of the register's range or the register is read-only now",
  "data length error: the data is shorter than the register",
  "data limit error: the value is outside the servo's limit registers",
  "access error: the register is read-only, write-only or EEPROM while torque is on",
];

/**
 * Dynamixel protocol 2.0:
 *
 *     FF FF FD 00 | id | length u16 | instruction | params … | crc u16        length = what follows it
 *
 * `params` of a status begin with an error byte. Where FF FF FD occurs behind `length`, an FD is stuffed after it; `length` and CRC
 * count the stuffed bytes. All fields are little-endian.
 */
export const dynamixelFormat: PacketFormat = {
  family: "dynamixel",
  maxPacketBytes,
  addressBytes: 2,
  // A third more for params that are stuffed all along.
  maxParams: Math.floor(((maxPacketBytes - headerBytes - 1 - crcBytes) * 3) / 4),
  statusBytes: (dataBytes) => headerBytes + 2 + dataBytes + crcBytes,

  writeInstruction(out, id, instruction, params) {
    return finish(out, stuff(out, begin(out, id, instruction), params));
  },

  writeStatus(out, id, error, params) {
    const at = begin(out, id, statusInstruction);
    out[at] = error;
    return finish(out, stuff(out, at + 1, params));
  },

  judge(bytes, start, end) {
    const available = end - start;
    for (let i = 0; i < 4; i++) {
      if (i === available) return Judgement.Incomplete;
      if (bytes[start + i] !== (i < 2 ? 0xff : i === 2 ? 0xfd : 0x00)) return Judgement.NoHeader;
    }
    if (available < headerBytes) return Judgement.Incomplete;
    const length = u16(bytes, start + 5);
    const total = headerBytes + length;
    if (length < minLength || total > maxPacketBytes) return Judgement.Malformed;
    if (available < total) return Judgement.Incomplete;
    const crcAt = start + total - crcBytes;
    if (crc16(bytes, start, crcAt) !== u16(bytes, crcAt)) return Judgement.ChecksumError;
    const isWellFormed = isFast(bytes, start)
      ? total > headerBytes + 2 + crcBytes
      : isStuffed(bytes, start + headerBytes, crcAt);
    const hasError = bytes[start + 7] !== statusInstruction || length > minLength;
    return isWellFormed && hasError ? total : Judgement.Malformed;
  },

  read(bytes, start, length, out: ServoPacket) {
    out.id = bytes[start + 4] ?? 0;
    out.instruction = bytes[start + 7] ?? 0;
    const isStatus = out.instruction === statusInstruction;
    out.error = isStatus ? (bytes[start + 8] ?? 0) : 0;
    const from = start + headerBytes + (isStatus ? 2 : 1);
    const to = start + length - crcBytes;
    out.params = isFast(bytes, start)
      ? bytes.subarray(from, to)
      : bytes.subarray(from, unstuff(bytes, start + headerBytes, from, to));
  },

  isStatus: ({ instruction }) => instruction === statusInstruction,
  refusal: (error) => refusals[error & ~hardwareAlertBit],
};

/** One servo's part of a fast sync read's reply. */
export interface FastBlock {
  readonly id: number;
  readonly error: number;
  readonly data: Uint8Array;
}

/**
 * The parts of a fast sync read's reply. All servos write one packet together, each its error, id, data and the CRC of everything
 * before it:
 *
 *     … 55 | error id data … crc | error id data … crc | …
 *
 * Nothing in it is stuffed. The last CRC is the packet's own, which the decoder has checked.
 *
 * @returns undefined when the reply does not consist of parts with `dataBytes` of data
 */
export function fastBlocks(
  packet: Readonly<ServoPacket>,
  dataBytes: number,
): FastBlock[] | undefined {
  const { id, params } = packet;
  const stride = 1 + dataBytes + crcBytes + 1;
  if (id !== broadcastId || (params.length + crcBytes + 1) % stride !== 0) return undefined;
  const blocks: FastBlock[] = [];
  for (let at = 0; at < params.length; at += stride) {
    blocks.push({
      id: params[at] ?? 0,
      error: at === 0 ? packet.error : (params[at - 1] ?? 0),
      data: params.slice(at + 1, at + 1 + dataBytes),
    });
  }
  return blocks;
}

/** Least length of a fast sync read's reply, bytes. */
export function fastStatusBytes(servoCount: number, dataBytes: number): number {
  return headerBytes + 1 + servoCount * (2 + dataBytes + crcBytes);
}

function isFast(bytes: Uint8Array, start: number): boolean {
  return bytes[start + 4] === broadcastId && bytes[start + 7] === statusInstruction;
}

function begin(out: Uint8Array, id: number, instruction: number): number {
  out[0] = 0xff;
  out[1] = 0xff;
  out[2] = 0xfd;
  out[3] = 0x00;
  out[4] = id;
  out[7] = instruction;
  return headerBytes + 1;
}

function stuff(out: Uint8Array, at: number, params: ArrayLike<number>): number {
  let to = at;
  for (let i = 0; i < params.length; i++) {
    out[to++] = params[i] ?? 0;
    if (endsPattern(out, headerBytes, to)) out[to++] = 0xfd;
  }
  return to;
}

function finish(out: Uint8Array, end: number): number {
  const length = end + crcBytes - headerBytes;
  out[5] = length & 0xff;
  out[6] = length >> 8;
  const crc = crc16(out, 0, end);
  out[end] = crc & 0xff;
  out[end + 1] = crc >> 8;
  return end + crcBytes;
}

/** Whether the bytes before `end` are FF FF FD, all of them at or after `from`. */
function endsPattern(bytes: Uint8Array, from: number, end: number): boolean {
  return (
    end - from >= 3 && bytes[end - 1] === 0xfd && bytes[end - 2] === 0xff && bytes[end - 3] === 0xff
  );
}

/** Whether every FF FF FD in `[from, end)` is followed by the FD that was stuffed. */
function isStuffed(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from + 3; at <= end; at++) {
    if (!endsPattern(bytes, from, at)) continue;
    if (at === end || bytes[at] !== 0xfd) return false;
    at++;
  }
  return true;
}

/** Takes stuffed bytes out of `[from, end)` in place; patterns count from `patternFrom` on. @returns the new end */
function unstuff(bytes: Uint8Array, patternFrom: number, from: number, end: number): number {
  let to = from;
  // The last three bytes as they came; those in memory may have moved already.
  let window = 0;
  for (let at = patternFrom; at < end; at++) {
    const byte = bytes[at] ?? 0;
    const isStuffing = window === 0xff_ff_fd;
    window = isStuffing ? 0 : ((window << 8) | byte) & 0xff_ff_ff;
    if (at >= from && !isStuffing) bytes[to++] = byte;
  }
  return to;
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

import { Judgement, type PacketFormat, type ServoPacket } from "../packet-format.ts";

const headerBytes = 4;
const overheadBytes = 6;
const maxLength = 253;

/** Conditions in a Feetech status byte; the instruction was carried out all the same. */
export const FeetechError = {
  Voltage: 0x01,
  Encoder: 0x02,
  Overheat: 0x04,
  Overcurrent: 0x08,
  Overload: 0x20,
} as const;

/**
 * Feetech's packet (STS and SMS series):
 *
 *     FF FF | id | length | instruction or error | params … | checksum        length = params + 2
 *
 * `checksum` is the inverted low byte of the sum from `id` on. It misses errors that cancel out, so a reader also checks that id and
 * length are the ones it waits for, and that a position is one the joint can have reached.
 */
export const feetechFormat: PacketFormat = {
  family: "feetech",
  maxPacketBytes: maxLength + headerBytes,
  addressBytes: 1,
  maxParams: maxLength - 2,
  statusBytes: (dataBytes) => dataBytes + overheadBytes,
  writeInstruction: writePacket,
  writeStatus: writePacket,

  judge(bytes, start, end) {
    const available = end - start;
    if (bytes[start] !== 0xff) return Judgement.NoHeader;
    if (available < 2) return Judgement.Incomplete;
    if (bytes[start + 1] !== 0xff) return Judgement.NoHeader;
    if (available < headerBytes) return Judgement.Incomplete;
    // FF is no id: the header begins one byte later.
    if (bytes[start + 2] === 0xff) return Judgement.NoHeader;
    const length = bytes[start + 3] ?? 0;
    if (length < 2 || length > maxLength) return Judgement.Malformed;
    const total = headerBytes + length;
    if (available < total) return Judgement.Incomplete;
    const sum = checksum(bytes, start + 2, start + total - 1);
    return bytes[start + total - 1] === sum ? total : Judgement.ChecksumError;
  },

  read(bytes, start, length, out: ServoPacket) {
    out.id = bytes[start + 2] ?? 0;
    out.instruction = bytes[start + 4] ?? 0;
    out.error = out.instruction;
    out.params = bytes.subarray(start + 5, start + length - 1);
  },

  isStatus: () => true,
  refusal: () => undefined,
};

function writePacket(
  out: Uint8Array,
  id: number,
  instructionOrError: number,
  params: ArrayLike<number>,
): number {
  out[0] = 0xff;
  out[1] = 0xff;
  out[2] = id;
  out[3] = params.length + 2;
  out[4] = instructionOrError;
  for (let i = 0; i < params.length; i++) out[5 + i] = params[i] ?? 0;
  const end = 5 + params.length;
  out[end] = checksum(out, 2, end);
  return end + 1;
}

function checksum(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += bytes[i] ?? 0;
  return ~sum & 0xff;
}

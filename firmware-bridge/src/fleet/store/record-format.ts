import { crc32 } from "node:zlib";

/**
 * One record in a segment file:
 *
 * | u32 length of the payload | u32 CRC-32 of all that follows | f64 number | u8 tag | payload |
 *
 * Little-endian. A file that was cut at any byte, or whose end was never written, ends at its last whole record.
 */
export interface StoredRecord {
  /** Rises within a log. Of an acknowledgement: the record that is acknowledged. */
  readonly number: number;
  /** 1 to 255 as the owner wishes; `acknowledgementTag` for an acknowledgement. */
  readonly tag: number;
  readonly payload: Uint8Array;
}

export const acknowledgementTag: number = 0;
export const maxRecordBytes: number = 65_536;
const headerBytes = 17;
const crcOffset = 4;
const bodyOffset = 8;

export function encodeRecord({ number, tag, payload }: StoredRecord): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeDoubleLE(number, bodyOffset);
  bytes.writeUInt8(tag, bodyOffset + 8);
  bytes.set(payload, headerBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(bodyOffset)), crcOffset);
  return bytes;
}

/** The records of a file up to the first that is not whole; never throws. */
export function decodeRecords(bytes: Buffer): {
  readonly records: readonly StoredRecord[];
  /** True when something behind the last whole record was left out. */
  readonly isTorn: boolean;
} {
  const records: StoredRecord[] = [];
  let at = 0;
  while (at + headerBytes <= bytes.length) {
    const end = at + headerBytes + bytes.readUInt32LE(at);
    if (end > bytes.length || end - at > headerBytes + maxRecordBytes) break;
    // A run of zeros fails here: the CRC of zeros is not zero.
    if (crc32(bytes.subarray(at + bodyOffset, end)) !== bytes.readUInt32LE(at + crcOffset)) break;
    records.push({
      number: bytes.readDoubleLE(at + bodyOffset),
      tag: bytes.readUInt8(at + bodyOffset + 8),
      payload: bytes.subarray(at + headerBytes, end),
    });
    at = end;
  }
  return { records, isTorn: at < bytes.length };
}

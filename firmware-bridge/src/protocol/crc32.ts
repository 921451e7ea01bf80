const table = /* @__PURE__ */ createTable();

function createTable(): Uint32Array {
  const entries = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) {
      value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    }
    entries[byte] = value;
  }
  return entries;
}

/**
 * CRC-32/ISO-HDLC of `bytes[start, end)`, continued from `seed`: the CRC of what came before, 0 to begin.
 *
 * @returns 0 to 2^32 - 1
 */
export function crc32(bytes: Uint8Array, seed = 0, start = 0, end: number = bytes.length): number {
  let crc = ~seed;
  for (let i = start; i < end; i++) {
    crc = (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

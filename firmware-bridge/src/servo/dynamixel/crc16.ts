const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x8005;
  return crc & 0xffff;
});

/**
 * CRC-16 of Dynamixel protocol 2.0 of `bytes[start, end)`, continued from `crc`: poly 0x8005, not reflected, init 0, no xorout; check
 * 0xFEE8 over "123456789".
 */
export function crc16(
  bytes: ArrayLike<number>,
  start: number,
  end: number,
  crc: number = 0,
): number {
  let value = crc;
  for (let i = start; i < end; i++) {
    value = ((value << 8) ^ (table[((value >> 8) ^ (bytes[i] ?? 0)) & 0xff] ?? 0)) & 0xffff;
  }
  return value;
}

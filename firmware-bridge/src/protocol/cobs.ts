/**
 * Consistent Overhead Byte Stuffing (Cheshire & Baker 1999) of `source[0, length)` into `target` from `offset`. The result holds
 * no 00; the delimiter is the caller's.
 *
 * Bodies of this protocol are at most 254 bytes, so that the result is `length + 1` bytes.
 *
 * @returns bytes written
 */
export function cobsEncode(
  source: Uint8Array,
  length: number,
  target: Uint8Array,
  offset: number,
): number {
  let codeAt = offset;
  let writeAt = offset + 1;
  let code = 1;
  for (let i = 0; i < length; i++) {
    const byte = source[i] ?? 0;
    if (byte !== 0) {
      target[writeAt++] = byte;
      code++;
    }
    // A full block at the very end needs no block after it.
    const isFull = code === 0xff && i < length - 1;
    if (byte === 0 || isFull) {
      target[codeAt] = code;
      codeAt = writeAt++;
      code = 1;
    }
  }
  target[codeAt] = code;
  return writeAt - offset;
}

/**
 * Decodes `source[0, length)`, which holds no delimiter, into `target`; both may be the same array.
 *
 * @returns bytes written, or -1 when a block runs past the end or a 00 is inside
 */
export function cobsDecode(source: Uint8Array, length: number, target: Uint8Array): number {
  let readAt = 0;
  let writeAt = 0;
  while (readAt < length) {
    const code = source[readAt++] ?? 0;
    const blockEnd = readAt + code - 1;
    if (code === 0 || blockEnd > length) return -1;
    while (readAt < blockEnd) {
      const byte = source[readAt++] ?? 0;
      if (byte === 0) return -1;
      target[writeAt++] = byte;
    }
    if (code !== 0xff && readAt < length) target[writeAt++] = 0;
  }
  return writeAt;
}

import { OmpError } from "../../../sdk/src/errors.ts";
import { cobsEncode } from "./cobs.ts";
import { isSessionless, maxBodyBytes, maxEncodedBytes, maxPayloadBytes } from "./constants.ts";
import { crc32 } from "./crc32.ts";

/**
 * Makes frames in its own buffers. Write the payload into `payload`, call `finish`, then hand `bytes[start, end)` on before the
 * next frame:
 *
 *     bytes: 00 | COBS(type seq payload crc) | 00
 *            ^0   ^1                              ^end
 *
 * `start` is 0 when a leading delimiter is due, else 1. Allocates nothing after construction.
 */
export class FrameEncoder {
  readonly payload: DataView;
  readonly bytes: Uint8Array = new Uint8Array(1 + maxEncodedBytes + 1);
  readonly #body = new Uint8Array(maxBodyBytes);
  readonly #bodyView = new DataView(this.#body.buffer);

  constructor() {
    this.payload = new DataView(this.#body.buffer, 2, maxPayloadBytes);
  }

  /**
   * @param seed of the session; ignored for HELLO, IDENT and ESTOP
   * @returns `end`
   * @throws {OmpError} INVALID_ARGUMENT when the payload is longer than 248 bytes
   */
  finish(type: number, seq: number, payloadLength: number, seed: number): number {
    if (payloadLength > maxPayloadBytes) {
      throw new OmpError("INVALID_ARGUMENT", {
        what: `payload of frame type 0x${type.toString(16)} is too long`,
        observed: `${payloadLength} bytes`,
        expected: `at most ${maxPayloadBytes}`,
      });
    }
    this.#body[0] = type;
    this.#body[1] = seq;
    const crcAt = 2 + payloadLength;
    const crc = crc32(this.#body, isSessionless(type) ? 0 : seed, 0, crcAt);
    this.#bodyView.setUint32(crcAt, crc, true);
    this.bytes[0] = 0;
    const end = 1 + cobsEncode(this.#body, crcAt + 4, this.bytes, 1);
    this.bytes[end] = 0;
    return end + 1;
  }
}

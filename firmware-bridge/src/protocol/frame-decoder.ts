import { cobsDecode } from "./cobs.ts";
import { isSessionless, maxEncodedBytes, maxPayloadBytes, minBodyBytes } from "./constants.ts";
import { crc32 } from "./crc32.ts";

/** Ways to lose bytes before they are a frame; all start at 0. */
export interface FrameDecoderCounters {
  frames: number;
  /** More than 255 bytes without a delimiter. */
  oversized: number;
  /** Shorter than 6 bytes after decoding. */
  undersized: number;
  /** Not valid COBS. */
  miscoded: number;
  /** Wrong checksum, or of another session. */
  crcErrors: number;
}

/** All counters at 0. */
export function createDecoderCounters(): FrameDecoderCounters {
  return { frames: 0, oversized: 0, undersized: 0, miscoded: 0, crcErrors: 0 };
}

/**
 * Takes one frame. `payload` is the decoder's own buffer: only its first `length` bytes belong to the frame, and only until the
 * listener returns. The listener must not push into the decoder.
 */
export type FrameListener = (type: number, seq: number, payload: DataView, length: number) => void;

/**
 * Finds frames in a byte stream, in pieces of any size. Memory is bounded by one frame; what is not a frame is dropped and
 * counted, and the next delimiter starts afresh.
 */
export class FrameDecoder {
  readonly counters: FrameDecoderCounters;
  /** `schema_hash XOR session_id` once there is a session. */
  seed = 0;
  readonly #listener: FrameListener;
  readonly #bytes = new Uint8Array(maxEncodedBytes);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #payload = new DataView(this.#bytes.buffer, 2, maxPayloadBytes);
  #length = 0;
  #isOversized = false;

  /** @param counters to go on counting in, when a new stream follows an old one */
  constructor(listener: FrameListener, counters: FrameDecoderCounters = createDecoderCounters()) {
    this.#listener = listener;
    this.counters = counters;
  }

  /** Takes the next bytes of the stream. */
  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === 0) this.#endFrame();
      else if (this.#length < maxEncodedBytes) this.#bytes[this.#length++] = byte;
      else this.#isOversized = true;
    }
  }

  /** Forgets an unfinished frame. */
  reset(): void {
    this.#length = 0;
    this.#isOversized = false;
  }

  #endFrame(): void {
    const encodedLength = this.#length;
    const isOversized = this.#isOversized;
    this.reset();
    if (isOversized) {
      this.counters.oversized++;
      return;
    }
    if (encodedLength === 0) return;
    const length = cobsDecode(this.#bytes, encodedLength, this.#bytes);
    if (length < 0) {
      this.counters.miscoded++;
      return;
    }
    if (length < minBodyBytes) {
      this.counters.undersized++;
      return;
    }
    const type = this.#bytes[0] ?? 0;
    const crcAt = length - 4;
    const crc = crc32(this.#bytes, isSessionless(type) ? 0 : this.seed, 0, crcAt);
    if (crc !== this.#view.getUint32(crcAt, true)) {
      this.counters.crcErrors++;
      return;
    }
    this.counters.frames++;
    this.#listener(type, this.#bytes[1] ?? 0, this.#payload, crcAt - 2);
  }
}

import { ErrorCode, OmpError } from "./errors.ts";

/** Memory of a triple buffer of frames, for two threads. Plain data: post it to the other one. */
export interface SharedFrames {
  readonly memory: SharedArrayBuffer;
  /** Bytes of a frame. */
  readonly size: number;
}

/** Header words, on cache lines of their own. */
const STATE = 0;
const OVERWRITTEN = 16;
const PUBLISHED = 32;
const HEADER_BYTES = 256;
const TIMES_AT = 192;

/** `STATE` is the slot that belongs to neither thread, and whether its frame has not been taken yet. */
const SLOT = 3;
const FRESH = 4;
/** The writer begins with slot 0, the reader with slot 2. */
const INITIAL_STATE = 1;

/**
 * Memory of a newest-wins triple buffer between one `FrameWriter` and one `FrameReader` in any two threads. Neither ever waits;
 * a frame that was not taken before the next one came is overwritten and counted.
 *
 * @param size bytes of a frame
 * @throws {OmpError} INVALID_ARGUMENT
 */
export function createSharedFrames(size: number): SharedFrames {
  if (!Number.isInteger(size) || size <= 0 || size > 2 ** 28) {
    throw new OmpError(ErrorCode.InvalidArgument, {
      what: "frames cannot be shared",
      observed: `${size} bytes`,
      expected: "1 to 2^28 bytes",
    });
  }
  const memory = new SharedArrayBuffer(HEADER_BYTES + 3 * slotBytes(size));
  Atomics.store(new Int32Array(memory), STATE, INITIAL_STATE);
  return { memory, size };
}

/** Frames that were overwritten before they were taken; wraps at 2^32. For any thread. */
export function overwrittenFrames({ memory }: SharedFrames): number {
  return Atomics.load(new Int32Array(memory), OVERWRITTEN) >>> 0;
}

function slotBytes(size: number): number {
  return Math.ceil(size / 64) * 64;
}

interface Views {
  readonly header: Int32Array;
  readonly capturedAtMs: Float64Array;
  readonly slots: readonly Uint8Array[];
}

function viewsOf({ memory, size }: SharedFrames): Views {
  return {
    header: new Int32Array(memory, 0, TIMES_AT / Int32Array.BYTES_PER_ELEMENT),
    capturedAtMs: new Float64Array(memory, TIMES_AT, 3),
    slots: [0, 1, 2].map((i) => new Uint8Array(memory, HEADER_BYTES + i * slotBytes(size), size)),
  };
}

/** The one thread that writes frames. Allocates nothing. */
export class FrameWriter {
  readonly #views: Views;
  #slot = 0;

  /** @param frames just made: a second writer would share its slot with the first */
  constructor(frames: SharedFrames) {
    this.#views = viewsOf(frames);
  }

  /** The frame to fill before the next `publish`; nobody else sees it. */
  get frame(): Uint8Array {
    return this.#views.slots[this.#slot] ?? new Uint8Array();
  }

  /** Makes the filled frame the newest one and wakes who waits for it. @param capturedAtMs host clock */
  publish(capturedAtMs: number): void {
    const { header, capturedAtMs: times } = this.#views;
    times[this.#slot] = capturedAtMs;
    const before = Atomics.exchange(header, STATE, this.#slot | FRESH);
    this.#slot = before & SLOT;
    if ((before & FRESH) !== 0) Atomics.add(header, OVERWRITTEN, 1);
    this.wake();
  }

  /** Wakes who waits, with or without a new frame. */
  wake(): void {
    Atomics.add(this.#views.header, PUBLISHED, 1);
    Atomics.notify(this.#views.header, PUBLISHED);
  }
}

/** The one thread that reads frames. Allocates nothing. */
export class FrameReader {
  readonly #views: Views;
  #slot = 2;

  /** @param frames from which nobody has read yet */
  constructor(frames: SharedFrames) {
    this.#views = viewsOf(frames);
  }

  /** The frame that was taken last, as it was published; it stays until the next `take`. */
  get frame(): Readonly<Uint8Array> {
    return this.#views.slots[this.#slot] ?? new Uint8Array();
  }

  /** Of the frame that was taken last, host clock. */
  get capturedAtMs(): number {
    return this.#views.capturedAtMs[this.#slot] ?? Number.NaN;
  }

  /** Takes the newest frame; false when there has been none since the last one. */
  take(): boolean {
    const { header } = this.#views;
    if ((Atomics.load(header, STATE) & FRESH) === 0) return false;
    this.#slot = Atomics.exchange(header, STATE, this.#slot) & SLOT;
    return true;
  }

  /**
   * Takes the newest frame, and blocks the thread until there is one or it is woken. Not on a thread that must not block.
   *
   * @param timeoutMs longest wait
   */
  wait(timeoutMs: number): boolean {
    const { header } = this.#views;
    const published = Atomics.load(header, PUBLISHED);
    if (this.take()) return true;
    Atomics.wait(header, PUBLISHED, published, timeoutMs);
    return this.take();
  }
}

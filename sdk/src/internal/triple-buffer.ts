/** Memory two threads share; the third block is the one that changes hands. */
export interface TripleBufferMemory {
  readonly blocks: readonly [Float64Array, Float64Array, Float64Array];
  /** One word: the block in the middle, and whether it is newer than the reader's. */
  readonly middle: Int32Array;
}

const INDEX = 3;
const FRESH = 4;

/** @param length numbers in a block */
export function createTripleBufferMemory(length: number): TripleBufferMemory {
  const block = (): Float64Array =>
    new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT));
  const middle = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  middle[0] = 1;
  return { blocks: [block(), block(), block()], middle };
}

/**
 * The writing end of a block of numbers that one thread overwrites and one other reads: the newest wins, neither waits, and nobody
 * sees half of one block and half of another.
 */
export class TripleBufferWriter {
  readonly #memory: TripleBufferMemory;
  #index = 0;

  constructor(memory: TripleBufferMemory) {
    this.#memory = memory;
  }

  /** What to fill; its content is that of an older block. Another one after every `publish`. */
  get block(): Float64Array {
    return blockAt(this.#memory, this.#index);
  }

  publish(): void {
    this.#index = Atomics.exchange(this.#memory.middle, 0, this.#index | FRESH) & INDEX;
  }
}

/** The reading end. */
export class TripleBufferReader {
  readonly #memory: TripleBufferMemory;
  #index = 2;

  constructor(memory: TripleBufferMemory) {
    this.#memory = memory;
  }

  /** The newest block that was published, all zero before the first; it stays as it is until the next call. */
  read(): Readonly<Float64Array> {
    const { middle } = this.#memory;
    if ((Atomics.load(middle, 0) & FRESH) !== 0) {
      this.#index = Atomics.exchange(middle, 0, this.#index) & INDEX;
    }
    return blockAt(this.#memory, this.#index);
  }
}

function blockAt({ blocks }: TripleBufferMemory, index: number): Float64Array {
  return index === 0 ? blocks[0] : index === 1 ? blocks[1] : blocks[2];
}

/**
 * Requests to a worker that does nothing else, and its answers, by two words of shared memory. From rest, which is how a control loop
 * calls, that takes a quarter less time than a message each way; back to back it takes the same (`npm run bench -- worker-hop`).
 * One request at a time.
 */
const REQUEST = 0;
const ANSWER = 1;
const WORDS = 2;

/** Longest time that a worker that was woken spins for its request. */
const SPIN_MS = 0.4;

export const CallRequest = { None: 0, Infer: 1, Close: 2, Wake: 3 } as const;
export type CallRequest = (typeof CallRequest)[keyof typeof CallRequest];

declare global {
  // Node has it; the compiler's library for ES2023 does not.
  interface Atomics {
    waitAsync(
      words: Int32Array,
      index: number,
      value: number,
    ): { readonly value: Promise<string> | string };
  }
}

export interface SignalMemory {
  readonly words: Int32Array;
  /** One number that goes with an answer. */
  readonly value: Float64Array;
}

export function createSignalMemory(): SignalMemory {
  return {
    words: new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)),
    value: new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)),
  };
}

/** Asks; resolves when there is an answer, or never. */
export async function request({ words }: SignalMemory, what: CallRequest): Promise<unknown> {
  Atomics.store(words, ANSWER, 0);
  const { value: answered } = Atomics.waitAsync(words, ANSWER, 0);
  Atomics.store(words, REQUEST, what);
  Atomics.notify(words, REQUEST);
  return answered;
}

/** A request follows at once: the worker wakes up and spins for it. Without an answer. */
export function wake({ words }: SignalMemory): void {
  Atomics.store(words, REQUEST, CallRequest.Wake);
  Atomics.notify(words, REQUEST);
}

/** Blocks the thread until there is a request that wants an answer. */
export function nextRequest({ words }: SignalMemory): number {
  for (;;) {
    Atomics.wait(words, REQUEST, CallRequest.None);
    const what = Atomics.exchange(words, REQUEST, CallRequest.None);
    if (what !== CallRequest.Wake) return what;
    const endMs = performance.now() + SPIN_MS;
    while (Atomics.load(words, REQUEST) === CallRequest.None && performance.now() < endMs);
  }
}

export function answer({ words, value }: SignalMemory, result: number): void {
  value[0] = result;
  Atomics.store(words, ANSWER, 1);
  Atomics.notify(words, ANSWER);
}

import type { Clock } from "../../../sdk/src/clock.ts";
import type { RandomStream } from "../../../sdk/src/random.ts";

/** What happens to pieces (writes, or what was received at once) that go one way. Probabilities from 0 to 1; left out: never. */
export interface FaultRates {
  /** Of a byte: one of its bits is flipped. */
  readonly bitFlip?: number;
  /** Of a piece: it is lost whole. */
  readonly drop?: number;
  /** Of a piece: its second half is lost. */
  readonly cut?: number;
  /** Of a piece: it arrives twice. */
  readonly duplicate?: number;
  /** Every piece is this late, ms. */
  readonly delayMs?: number;
  /** And up to this much later, ms; the order stays. */
  readonly jitterMs?: number;
  /** Of a piece: from it on nothing passes for `stallMs`. */
  readonly stall?: number;
  readonly stallMs?: number;
}

/** How often each fault has happened. */
export type FaultCounts = Record<"bitFlip" | "drop" | "cut" | "duplicate" | "stall", number>;

export interface DirectionState {
  readonly rates: FaultRates;
  readonly isStalled: boolean;
  readonly isDead: boolean;
}

interface HeldPiece {
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

/** What a slow or stalled line holds; it takes nothing beyond, as a full buffer in the kernel. */
const maxHeldBytes = 65_536;

/** One direction of a bad cable. Pieces keep their order. */
export class FaultyDirection {
  readonly #clock: Clock;
  readonly #random: RandomStream;
  readonly #counts: FaultCounts;
  readonly #deliver: (bytes: Uint8Array, start: number, end: number) => boolean;
  readonly #held: HeldPiece[] = [];
  #heldBytes = 0;
  #state: DirectionState = { rates: {}, isStalled: false, isDead: false };
  /** The next piece is not delivered before this. */
  #earliestMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: () => void = () => {};

  /**
   * @param counts counted up
   * @param deliver returns false when it took nothing
   */
  constructor(
    clock: Clock,
    random: RandomStream,
    counts: FaultCounts,
    deliver: (bytes: Uint8Array, start: number, end: number) => boolean,
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#counts = counts;
    this.#deliver = deliver;
  }

  get freeBytes(): number {
    return maxHeldBytes - this.#heldBytes;
  }

  set(state: DirectionState): void {
    this.#state = state;
    this.#release();
  }

  /** @returns false when the line takes nothing now; a piece that a fault loses was taken */
  pass(bytes: Uint8Array, start: number, end: number): boolean {
    const { rates, isDead } = this.#state;
    if (isDead) return true;
    if (end - start > this.freeBytes) return false;
    if (this.#happens("drop")) return true;
    const length = this.#happens("cut") ? (end - start) >> 1 : end - start;
    const copies = this.#happens("duplicate") ? 2 : 1;
    const piece = this.#flipped(bytes.slice(start, start + length));
    if (this.#happens("stall")) {
      this.#earliestMs = this.#clock.nowMs() + (rates.stallMs ?? 0);
    }
    const atMs = this.#dueMs(rates);
    const isHeld = this.#held.length > 0 || this.#state.isStalled || atMs > this.#clock.nowMs();
    if (isHeld) {
      for (let copy = 0; copy < copies; copy++) this.#hold({ bytes: piece, atMs });
      return true;
    }
    const isTaken = this.#deliver(piece, 0, piece.length);
    if (isTaken && copies === 2) this.#deliver(piece, 0, piece.length);
    return isTaken;
  }

  /** What is under way is lost. */
  lose(): void {
    this.#cancelTimer();
    this.#held.length = 0;
    this.#heldBytes = 0;
  }

  #dueMs({ delayMs = 0, jitterMs = 0 }: FaultRates): number {
    const late = delayMs + (jitterMs > 0 ? this.#random.uniform(0, jitterMs) : 0);
    this.#earliestMs = Math.max(this.#earliestMs, this.#clock.nowMs() + late);
    return this.#earliestMs;
  }

  #hold(piece: HeldPiece): void {
    this.#held.push(piece);
    this.#heldBytes += piece.bytes.length;
    if (this.#held.length === 1) this.#release();
  }

  /** Delivers what is due, in order, and comes back for the rest. */
  readonly #release = (): void => {
    this.#cancelTimer();
    const nowMs = this.#clock.nowMs();
    while (!this.#state.isStalled) {
      const [first] = this.#held;
      if (first === undefined) return;
      if (first.atMs > nowMs) {
        this.#cancelTimer = this.#clock.callAt(first.atMs, this.#release);
        return;
      }
      this.#held.shift();
      this.#heldBytes -= first.bytes.length;
      if (!this.#state.isDead) this.#deliver(first.bytes, 0, first.bytes.length);
    }
  };

  #flipped(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; i++) {
      if (!this.#happens("bitFlip")) continue;
      bytes[i] = (bytes[i] ?? 0) ^ (1 << Math.floor(this.#random.uniform(0, 8)));
    }
    return bytes;
  }

  #happens(fault: keyof FaultCounts): boolean {
    const probability = this.#state.rates[fault];
    if (probability === undefined || this.#random.uniform(0, 1) >= probability) return false;
    this.#counts[fault]++;
    return true;
  }
}

import type { Clock } from "../../../sdk/src/clock.ts";
import { OmpError } from "../../../sdk/src/errors.ts";
import type { RandomStream } from "../../../sdk/src/random.ts";
import { FaultyDirection, type FaultCounts, type FaultRates } from "./faulty-direction.ts";
import type { OpenTransport, Transport } from "./transport.ts";

export type Direction = "toController" | "toHost";

export interface FaultInjectorOptions {
  readonly clock: Clock;
  /** Decides every fault: the same seed and traffic give the same faults. */
  readonly random: RandomStream;
  readonly toController?: FaultRates;
  readonly toHost?: FaultRates;
}

/**
 * A bad cable between a host and whatever `open` leads to: noise, losses, repeats, delay, stalls, a dead direction, an unplug. It outlives
 * the transports opened through it. Without a fault it passes every write on as it is.
 */
export class FaultInjector {
  readonly counts: Readonly<FaultCounts>;
  readonly #counts: FaultCounts = { bitFlip: 0, drop: 0, cut: 0, duplicate: 0, stall: 0 };
  readonly #open: OpenTransport;
  readonly #options: FaultInjectorOptions;
  readonly #rates: Record<Direction, FaultRates>;
  readonly #stalled: Record<Direction, boolean> = { toController: false, toHost: false };
  readonly #dead: Record<Direction, boolean> = { toController: false, toHost: false };
  #isUnplugged = false;
  #transport: FaultyTransport | undefined;

  constructor(open: OpenTransport, options: FaultInjectorOptions) {
    this.#open = open;
    this.#options = options;
    this.counts = this.#counts;
    this.#rates = { toController: options.toController ?? {}, toHost: options.toHost ?? {} };
  }

  /** @throws {OmpError} LINK_OPEN_FAILED while unplugged, and whatever the inner transport's opening throws */
  readonly openTransport: OpenTransport = async () => {
    if (this.#isUnplugged) throw unplugged();
    this.#transport = new FaultyTransport(await this.#open(), this.#options, this.#counts);
    this.#apply();
    return this.#transport;
  };

  /** From now on; in both directions unless one is named. */
  setRates(rates: FaultRates, direction?: Direction): void {
    if (direction !== "toHost") this.#rates.toController = rates;
    if (direction !== "toController") this.#rates.toHost = rates;
    this.#apply();
  }

  /** Nothing passes until `resume`, which delivers what was held; in both directions unless one is named. */
  stall(direction?: Direction): void {
    if (direction !== "toHost") this.#stalled.toController = true;
    if (direction !== "toController") this.#stalled.toHost = true;
    this.#apply();
  }

  resume(): void {
    this.#stalled.toController = false;
    this.#stalled.toHost = false;
    this.#apply();
  }

  /** One direction is dead: what goes that way is lost, and neither end is told. Ends with `replug`. */
  halfOpen(direction: Direction): void {
    this.#dead[direction] = true;
    this.#apply();
  }

  /** The cable leaves the port: what is under way is lost, and nothing can be opened. */
  unplug(): void {
    this.#isUnplugged = true;
    this.#transport?.unplug();
    this.#transport = undefined;
  }

  /** The cable is whole again; what it was connected to opens anew. */
  replug(): void {
    this.#isUnplugged = false;
    this.#dead.toController = false;
    this.#dead.toHost = false;
    this.resume();
  }

  #apply(): void {
    for (const direction of ["toController", "toHost"] as const) {
      this.#transport?.[direction].set({
        rates: this.#rates[direction],
        isStalled: this.#stalled[direction],
        isDead: this.#dead[direction],
      });
    }
  }
}

class FaultyTransport implements Transport {
  readonly toController: FaultyDirection;
  readonly toHost: FaultyDirection;
  readonly #inner: Transport;
  #dataListener: (bytes: Uint8Array) => void = () => {};
  #closeListener: (reason: string) => void = () => {};
  #isOpen = true;

  constructor(inner: Transport, { clock, random }: FaultInjectorOptions, counts: FaultCounts) {
    this.#inner = inner;
    this.toController = new FaultyDirection(clock, random, counts, (bytes, start, end) =>
      inner.write(bytes, start, end),
    );
    this.toHost = new FaultyDirection(clock, random, counts, (bytes, start, end) => {
      if (this.#isOpen) this.#dataListener(bytes.subarray(start, end));
      return true;
    });
    inner.onData((bytes) => {
      this.toHost.pass(bytes, 0, bytes.length);
    });
    inner.onClose((reason) => {
      this.#end(reason);
    });
  }

  get name(): string {
    return this.#inner.name;
  }

  get isOpen(): boolean {
    return this.#isOpen && this.#inner.isOpen;
  }

  get writableBytes(): number {
    return this.isOpen ? Math.min(this.#inner.writableBytes, this.toController.freeBytes) : 0;
  }

  /** What the cable loses is not the host's to know. */
  get writesDropped(): number {
    return this.#inner.writesDropped;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.isOpen && this.toController.pass(bytes, start, end);
  }

  discardPending(): void {
    this.#inner.discardPending();
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#dataListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  unplug(): void {
    this.#end(`${this.name} was unplugged`);
    void this.#inner.close();
  }

  #end(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.toController.lose();
    this.toHost.lose();
    this.#closeListener(reason);
  }
}

function unplugged(): OmpError {
  return new OmpError("LINK_OPEN_FAILED", {
    what: "the line cannot be opened",
    observed: "the cable is unplugged",
  });
}

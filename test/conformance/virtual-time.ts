import { ManualClock } from "../../sdk/src/testing/manual-clock.ts";

/** Virtual time in steps of one controller tick. Callbacks of promises run between the steps. */
export class VirtualTime {
  readonly clock: ManualClock = new ManualClock(1000);
  readonly #tick: () => void;

  /** @param tick called after each ms */
  constructor(tick: () => void = () => {}) {
    this.#tick = tick;
  }

  async pass(ms: number): Promise<void> {
    for (let step = 0; step < ms; step++) {
      this.clock.advanceBy(1);
      this.#tick();
      await new Promise(setImmediate);
    }
  }

  /** Lets time pass until `promise` settles. */
  async run<T>(promise: Promise<T>): Promise<T> {
    const progress = { isSettled: false };
    const settled = (): void => {
      progress.isSettled = true;
    };
    promise.then(settled, settled);
    while (!progress.isSettled) await this.pass(1);
    return promise;
  }
}

import type { Fault } from "./faults.ts";
import { Listeners } from "./internal/listeners.ts";
import type { LoopEvents, LoopState } from "./loop-state.ts";
import type { TelemetrySink } from "./telemetry.ts";
import type { ActionChunk, Trajectory } from "./types.ts";

/** Tells telemetry and the listeners of a loop what happened in it. */
export class LoopAnnouncements {
  readonly #listeners = new Listeners<LoopEvents>();
  readonly #telemetry: TelemetrySink | undefined;

  constructor(telemetry: TelemetrySink | undefined) {
    this.#telemetry = telemetry;
  }

  /** Returns a function that unsubscribes. */
  on<Name extends keyof LoopEvents>(event: Name, listener: LoopEvents[Name]): () => void {
    return this.#listeners.on(event, listener);
  }

  stateChanged(state: LoopState, previous: LoopState): void {
    this.#telemetry?.event("loop.state", { state, previous });
    this.#listeners.emit("stateChanged", (listener) => {
      listener(state, previous);
    });
  }

  faulted(fault: Fault): void {
    const { reason, detail } = fault;
    this.#telemetry?.event("loop.fault", { reason, detail });
    this.#listeners.emit("faulted", (listener) => {
      listener(fault);
    });
  }

  /** @param clamped waypoints that the guard changed, summed over joints */
  sent(trajectory: Trajectory, chunk: ActionChunk, clamped: number): void {
    const { sequence, inferenceMs } = chunk;
    this.#telemetry?.event("loop.chunk", { sequence, inferenceMs, id: trajectory.id, clamped });
    this.#listeners.emit("trajectorySent", (listener) => {
      listener(trajectory, chunk);
    });
  }

  /** The samples of a chunk disagree by `spread`. */
  uncertain(spread: number): void {
    this.#telemetry?.event("loop.uncertain", { spread });
  }

  /** A joint's effort or following error is past its limit. */
  excess(detail: string): void {
    this.#telemetry?.event("loop.excess", { detail });
  }
}

import type { LinkEvents, LinkState, TrajectoryVerdict } from "../../sdk/src/actuator-link.ts";

type Listeners = { readonly [Name in keyof LinkEvents]: Set<LinkEvents[Name]> };

/** The listeners of one link. */
export class LinkEventEmitter implements LinkEvents {
  readonly #listeners: Listeners = {
    stateChanged: new Set(),
    trajectoryDecided: new Set(),
    jointStateReceived: new Set(),
  };

  on<Name extends keyof LinkEvents>(event: Name, listener: LinkEvents[Name]): () => void {
    const listeners: Set<LinkEvents[Name]> = this.#listeners[event];
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  stateChanged(state: LinkState, detail: string): void {
    for (const listener of this.#listeners.stateChanged) listener(state, detail);
  }

  trajectoryDecided(id: number, verdict: TrajectoryVerdict): void {
    for (const listener of this.#listeners.trajectoryDecided) listener(id, verdict);
  }

  jointStateReceived(): void {
    for (const listener of this.#listeners.jointStateReceived) listener();
  }
}

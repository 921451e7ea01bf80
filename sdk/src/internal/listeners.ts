/** Listeners by event name, called synchronously in the order in which they came. */
export class Listeners<Events> {
  readonly #byName: { [Name in keyof Events]?: Set<Events[Name]> } = {};

  /** Returns a function that unsubscribes. */
  on<Name extends keyof Events>(name: Name, listener: Events[Name]): () => void {
    const listeners = (this.#byName[name] ??= new Set<Events[Name]>());
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** @param call passes the event's values to one listener */
  emit<Name extends keyof Events>(name: Name, call: (listener: Events[Name]) => void): void {
    for (const listener of this.#byName[name] ?? []) call(listener);
  }
}

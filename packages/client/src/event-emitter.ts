type Listener<T> = (event: T) => void;

/** Typed events. `on` returns how to stop listening. */
export type EventEmitter<Events> = {
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void;
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void;
};

/**
 * A listener that throws stops neither the others nor the SDK: its error is thrown on its own, as if from a timer,
 * so that it reaches the application's handler of uncaught errors.
 */
export function createEventEmitter<Events>(): EventEmitter<Events> {
  const listeners = new Map<keyof Events, Set<Listener<never>>>();
  return {
    on(name, listener) {
      const known = listeners.get(name) ?? new Set();
      listeners.set(name, known.add(listener));
      return () => void known.delete(listener);
    },
    emit(name, event) {
      for (const listener of [...(listeners.get(name) ?? [])]) {
        try {
          (listener as Listener<typeof event>)(event);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}

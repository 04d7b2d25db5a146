import { pause } from "@sotto/platform/bus/backoff";
import type { Logger } from "@sotto/platform/log";

export interface PollLoop {
  start(): void;
  /** Looks for work at once instead of at the next poll. */
  wake(): void;
  /** Resolves when the step that is under way has ended. */
  stop(): Promise<void>;
}

const POLL_MS = 1000;

/**
 * Takes one step after the other until stopped, and survives a database that is away. `step` answers whether there may
 * be more to do at once. `failing` is logged once, until a step succeeds.
 */
export function createPollLoop(
  { log }: { log: Logger },
  { failing, step }: { failing: string; step: () => Promise<boolean> },
): PollLoop {
  const stopping = new AbortController();
  let waking = new AbortController();
  let running: Promise<void> = Promise.resolve();

  const run = async (): Promise<void> => {
    let isFailing = false;
    while (!stopping.signal.aborted) {
      waking = new AbortController();
      try {
        const mayBeMore = await step();
        isFailing = false;
        if (mayBeMore) continue;
      } catch (error) {
        if (!isFailing) log.warn({ err: error }, failing);
        isFailing = true;
      }
      await pause(POLL_MS, AbortSignal.any([stopping.signal, waking.signal]));
    }
  };

  return {
    start: () => {
      running = run();
    },
    wake: () => waking.abort(),
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

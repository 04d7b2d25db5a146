import { AppError } from "@sotto/platform/app-error";

export type WorkQueue = ReturnType<typeof createWorkQueue>;

/** Runs at most `concurrency` works at once; `maxWaiting` more wait in order, the rest are refused. */
export function createWorkQueue(options: { concurrency: number; maxWaiting: number }) {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function takeSlot(): Promise<void> {
    if (running < options.concurrency) {
      running += 1;
      return;
    }
    if (waiting.length >= options.maxWaiting) {
      throw new AppError("overloaded", "Too many sign-ins at once. Try again in a moment.", {
        retryAfterSeconds: 2,
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    await promise;
  }

  function passSlotOn(): void {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }

  return {
    waiting: () => waiting.length,
    /** @throws AppError `overloaded` when too many wait already; `work` is not started then. */
    async run<T>(work: () => Promise<T>): Promise<T> {
      await takeSlot();
      try {
        return await work();
      } finally {
        passSlotOn();
      }
    },
  };
}

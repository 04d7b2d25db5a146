import { AppError } from "@sotto/platform/app-error";
import type { Logger } from "@sotto/platform/log";
import { OpenWork, within } from "@sotto/platform/open-work";
import { createWorkQueue } from "./work-queue.ts";

/** Work that goes on after the answer, so that the answer's time tells nothing of what there was to do. */
export interface Afterwards {
  /** Never waits. @throws AppError `overloaded` when there is too much to do already, whatever this would be. */
  start(work: () => Promise<void>): void;
  /** Resolves when nothing is left to do, or when the patience of a stop has ended. */
  finish(): Promise<void>;
}

const CONCURRENCY = 2;
const MAX_OPEN = 200;
const FINISH_PATIENCE_MS = 5000;

/** What fails is logged; nobody is there to be told. A process that dies loses what was not done yet. */
export function createAfterwards({ log }: { log: Logger }): Afterwards {
  const open = new OpenWork();
  const queue = createWorkQueue({ concurrency: CONCURRENCY, maxWaiting: MAX_OPEN });
  return {
    start(work) {
      if (open.open >= MAX_OPEN) {
        throw new AppError("overloaded", "Too many requests at once. Try again in a moment.", {
          retryAfterSeconds: 2,
        });
      }
      open.begin();
      queue
        .run(work)
        .catch((error: unknown) => log.error({ err: error }, "work after an answer failed"))
        .finally(() => open.end());
    },
    async finish() {
      await within(FINISH_PATIENCE_MS, open.idle());
    },
  };
}

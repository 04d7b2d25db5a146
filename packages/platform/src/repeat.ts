import type { Logger } from "./log.ts";

export type Repeating = {
  /** Resolves when a run that is under way has ended. */
  stop(): Promise<void>;
};

/** Runs `task` again and again with a pause between, whatever becomes of it. The first run comes after one pause. */
export function repeat(
  { log }: { log: Logger },
  name: string,
  intervalMs: number,
  task: () => Promise<void>,
): Repeating {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  const run = async () => {
    try {
      await task();
    } catch (error) {
      log.warn({ err: error }, `the ${name} failed; trying again`);
    }
    if (!stopped) schedule();
  };
  const schedule = () => {
    timer = setTimeout(() => {
      running = run();
    }, intervalMs);
  };
  schedule();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

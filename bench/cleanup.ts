/** What must be undone, the newest first, once: at the end, after a failure, and on Ctrl-C. */
export interface Cleanup {
  /** Returns a function that undoes it now; the end then leaves it out. */
  add(undo: () => Promise<void> | void): () => Promise<void>;
  /** Undoes everything, whatever fails; rejects afterwards with the first failure. */
  run(): Promise<void>;
}

export function createCleanup(): Cleanup {
  const steps: (() => Promise<void> | void)[] = [];
  let running: Promise<void> | undefined;

  async function undoAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  return {
    add(undo) {
      steps.push(undo);
      return async () => {
        const index = steps.indexOf(undo);
        if (index === -1) return;
        steps.splice(index, 1);
        await undo();
      };
    },
    run() {
      running ??= undoAll();
      return running;
    },
  };
}

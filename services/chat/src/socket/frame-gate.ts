import { OpenWork } from "@sotto/platform/open-work";

/** What clients have asked for over their sockets and not been answered yet, and whether they may ask for more. */
export interface FrameGate {
  readonly isClosed: boolean;
  /** Runs the answering of one frame; `task` must not reject. */
  run(task: () => Promise<void>): void;
  /** From now on nothing new is begun. Resolves when everything that was begun has been answered. */
  close(): Promise<void>;
}

export function createFrameGate(): FrameGate {
  const frames = new OpenWork();
  let isClosed = false;
  return {
    get isClosed() {
      return isClosed;
    },
    run(task) {
      frames.begin();
      void task().finally(() => frames.end());
    },
    close() {
      isClosed = true;
      return frames.idle();
    },
  };
}

// Keeps one part running: starts it, and starts it again when it ends without being asked to.
import { restartDelayMs } from "./restart-delay.ts";

/** One life of a part. */
export interface Life {
  readonly pid: number;
  /** Resolves when the part does its work; rejects when it ends before that. */
  readonly ready: Promise<void>;
  /** Resolves, with words on how, when it has ended. */
  readonly ended: Promise<string>;
  /** Asks it to end, insists after a while, and waits. */
  stop(): Promise<void>;
  /** Ends it at once, without waiting. */
  kill(): void;
}

export interface Observer {
  ready(name: string, pid: number): void;
  died(name: string, how: string, delayMs: number): void;
}

export interface Supervised {
  readonly name: string;
  /** Resolves at the first readiness; rejects when the part cannot be started at all. */
  readonly firstReady: Promise<void>;
  /** Of the present life; undefined between two lives. */
  pid(): number | undefined;
  stop(): Promise<void>;
  kill(): void;
}

/** A part that dies so often before it was ready once has no business being started for ever. */
const FIRST_ATTEMPTS = 3;

interface State {
  current: Life | undefined;
  stopping: boolean;
  wake: () => void;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** One life from start to end; returns how it ended. */
async function live(
  start: () => Promise<Life>,
  state: State,
  onReady: (pid: number) => void,
): Promise<string> {
  let life: Life;
  try {
    life = await start();
  } catch (error) {
    return textOf(error);
  }
  state.current = life;
  if (state.stopping) await life.stop();
  life.ready.then(
    () => onReady(life.pid),
    () => undefined, // told by `ended`
  );
  const how = await life.ended;
  state.current = undefined;
  return how;
}

function pause(state: State, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    state.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** Starts a part and keeps it running until `stop` or `kill`. */
export function supervise(name: string, start: () => Promise<Life>, observer: Observer): Supervised {
  const state: State = { current: undefined, stopping: false, wake: () => undefined };
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => undefined); // whoever waits for it is told; nobody need wait
  let wasReady = false;
  const run = async (): Promise<void> => {
    let delayMs = 0;
    for (let failures = 1; !state.stopping; failures += 1) {
      const startedMs = performance.now();
      const how = await live(start, state, (pid) => {
        wasReady = true;
        observer.ready(name, pid);
        first.resolve();
      });
      if (state.stopping) return;
      if (!wasReady && failures >= FIRST_ATTEMPTS)
        return first.reject(new Error(`${name} does not start: ${how}`));
      delayMs = restartDelayMs(delayMs, performance.now() - startedMs);
      observer.died(name, how, delayMs);
      await pause(state, delayMs);
    }
  };
  const finished = run();
  const end = (): void => {
    state.stopping = true;
    state.wake();
  };
  return {
    name,
    firstReady: first.promise,
    pid: () => state.current?.pid,
    stop: async () => {
      end();
      await state.current?.stop();
      await finished;
    },
    kill: () => {
      end();
      state.current?.kill();
    },
  };
}

import { Worker } from "node:worker_threads";
import { createWorkQueue } from "./work-queue.ts";

/** Of zxcvbn: 0 (guessed at once) to 4, and what to say to the one who chose it. */
export type Strength = {
  readonly score: number;
  readonly warning: string | null;
  readonly suggestions: readonly string[];
};
export type StrengthQuestion = {
  readonly id: number;
  readonly text: string;
  readonly words: readonly string[];
};
type StrengthAnswer = Strength & { readonly id: number };

export interface StrengthJudge {
  /**
   * Judges the first 100 characters of a password, for somebody of whom `words` are known.
   * @throws AppError `overloaded` when too many wait already.
   */
  judge(password: string, words: readonly string[]): Promise<Strength>;
  close(): Promise<void>;
}

/** zxcvbn's work grows with the square of the length; what is strong up to here is strong. */
const JUDGED_CHARACTERS = 100;
const MAX_WAITING = 64;

/**
 * Judges passwords in one worker thread, which is started when it is first needed and loads its dictionaries
 * (70 MB) once. A worker that died is replaced with the next question.
 */
export function createStrengthJudge(): StrengthJudge {
  const queue = createWorkQueue({ concurrency: 1, maxWaiting: MAX_WAITING });
  let worker: Worker | undefined;
  let lastId = 0;

  function ask(thread: Worker, question: StrengthQuestion): Promise<Strength> {
    const { promise, resolve, reject } = Promise.withResolvers<Strength>();
    const onMessage = ({ id, ...strength }: StrengthAnswer) => {
      if (id === question.id) resolve(strength);
    };
    const onExit = () => reject(new Error("the thread that judges passwords has ended"));
    thread.on("message", onMessage).on("error", reject).on("exit", onExit);
    thread.postMessage(question);
    return promise.finally(() => {
      thread.off("message", onMessage).off("error", reject).off("exit", onExit);
    });
  }

  function thread(): Worker {
    if (worker) return worker;
    const started = new Worker(new URL("./strength-worker.ts", import.meta.url));
    const forget = () => {
      if (worker === started) worker = undefined;
    };
    // An error is told to whoever waits for the answer; unheard, it would end the process.
    started.on("error", forget).on("exit", forget);
    // Does not keep a process alive that has nothing else to do.
    started.unref();
    worker = started;
    return started;
  }

  return {
    judge: (password, words) =>
      queue.run(() => {
        lastId += 1;
        return ask(thread(), { id: lastId, text: password.slice(0, JUDGED_CHARACTERS), words });
      }),
    async close() {
      await worker?.terminate();
    },
  };
}

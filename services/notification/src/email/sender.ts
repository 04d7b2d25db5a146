import { pause } from "@sotto/platform/bus/backoff";
import { pruneSettled } from "./email-queries.ts";
import { BATCH_SIZE, type SendDeps, sendDueMail } from "./send-due-mail.ts";
import { pruneSuppressions } from "./suppression-queries.ts";

export interface Sender {
  start(): void;
  /** Looks for mail at once instead of at the next poll. */
  wake(): void;
  /** Waits for the mails that are being sent. */
  stop(): Promise<void>;
}

const POLL_MS = 1000;
const PRUNE_EVERY_MS = 3_600_000;
/** The bus never repeats an event after so long a time. */
const KEEP_MS = 30 * 24 * 3_600_000;
/** Addresses come to exist again. */
const SUPPRESS_MS = 180 * 24 * 3_600_000;

/** Sends queued mail until stopped, and survives a database that is away. Several senders share the queue. */
export function createSender(deps: SendDeps): Sender {
  const stopping = new AbortController();
  const prune = createPruner(deps);
  let waking = new AbortController();
  let running: Promise<void> = Promise.resolve();

  const run = async (): Promise<void> => {
    let isFailing = false;
    while (!stopping.signal.aborted) {
      waking = new AbortController();
      try {
        if ((await sendDueMail(deps)) === BATCH_SIZE) continue;
        await prune();
        isFailing = false;
      } catch (error) {
        if (!isFailing) deps.log.warn({ err: error }, "the mail queue cannot be read or written");
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

/** Deletes what is settled and old, at most once in a while. */
function createPruner({ db, clock }: SendDeps): () => Promise<void> {
  let nextMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (clock.monotonicMs() < nextMs) return;
    const nowMs = clock.now().getTime();
    await pruneSettled(db, new Date(nowMs - KEEP_MS));
    await pruneSuppressions(db, new Date(nowMs - SUPPRESS_MS));
    nextMs = clock.monotonicMs() + PRUNE_EVERY_MS;
  };
}

import { createPollLoop, type PollLoop } from "../delivery/poll-loop.ts";
import { pruneSettled } from "./email-queries.ts";
import { BATCH_SIZE, type SendDeps, sendDueMail } from "./send-due-mail.ts";
import { pruneSuppressions } from "./suppression-queries.ts";

const PRUNE_EVERY_MS = 3_600_000;
/** The bus never repeats an event after so long a time. */
const KEEP_MS = 30 * 24 * 3_600_000;
/** Addresses come to exist again. */
const SUPPRESS_MS = 180 * 24 * 3_600_000;

/** Sends queued mail until stopped, and survives a database that is away. Several senders share the queue. */
export function createSender(deps: SendDeps): PollLoop {
  const prune = createPruner(deps);
  return createPollLoop(deps, {
    failing: "the mail queue cannot be read or written",
    step: async () => {
      if ((await sendDueMail(deps)) === BATCH_SIZE) return true;
      await prune();
      return false;
    },
  });
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

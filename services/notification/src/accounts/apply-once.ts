import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Transaction } from "kysely";
import type { NotificationContext } from "../context.ts";
import { hasMark, insertProcessedEvent, lockAccount } from "./account-queries.ts";
import { deletedAccountMark } from "./deleted-account-mark.ts";

/** Which effect of which event. `effect` is for ever: it names rows of processed events. */
export type EffectOf = {
  readonly effect: string;
  readonly eventId: string;
  readonly accountId: string;
  /** Another account that what is stored speaks of: it must not be gone either. */
  readonly otherAccountId?: string | undefined;
};

/**
 * Runs what an event causes, in one transaction with the mark that it was done: once, however often the event is
 * delivered. Effects on one account run one after the other. Events may come after the deletion of their account, when
 * they had to be repeated; they leave nothing ("too-late").
 */
export function applyOnce(
  { db, clock }: Pick<NotificationContext, "db" | "clock">,
  { effect, eventId, accountId, otherAccountId }: EffectOf,
  apply: (tx: Transaction<NotifyDatabase>, now: Date) => Promise<void>,
): Promise<"applied" | "repeated" | "too-late"> {
  return db.transaction().execute(async (tx) => {
    const now = clock.now();
    const isFirst = await insertProcessedEvent(tx, {
      consumer: effect,
      event_id: eventId,
      processed_at: now,
    });
    if (!isFirst) return "repeated";
    // In one order, so that two accounts that do the same to each other do not wait for one another.
    for (const each of [accountId, otherAccountId].filter((id) => id !== undefined).sort()) {
      await lockAccount(tx, each);
      if (await hasMark(tx, deletedAccountMark(each))) return "too-late";
    }
    await apply(tx, now);
    return "applied";
  });
}

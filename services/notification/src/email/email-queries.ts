import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { type Insertable, type Selectable, sql } from "kysely";

type Db = Executor<NotifyDatabase>;
export type Email = Selectable<NotifyDatabase["email"]>;

export async function insertEmail(db: Db, row: Insertable<NotifyDatabase["email"]>): Promise<void> {
  await db.insertInto("email").values(row).execute();
}

/** @returns false when the event has made a mail of this kind before. */
export async function insertEmailOnce(db: Db, row: Insertable<NotifyDatabase["email"]>): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("email")
    .values(row)
    .onConflict((conflict) => conflict.constraint("email_once_per_event").doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/**
 * Takes up to `limit` mails that are due, and keeps them from other senders until `leaseEnd`. Counts the attempt at
 * the beginning, so that a mail that kills its sender is not tried for ever. Index: email_due.
 */
export function claimEmails(db: Db, claim: { now: Date; leaseEnd: Date; limit: number }): Promise<Email[]> {
  return db
    .updateTable("email")
    .set({ next_attempt_at: claim.leaseEnd, attempts: sql`attempts + 1` })
    .where("id", "in", (query) =>
      query
        .selectFrom("email")
        .select("id")
        .where("sent_at", "is", null)
        .where("failed_at", "is", null)
        .where("next_attempt_at", "<=", claim.now)
        .orderBy("next_attempt_at")
        .limit(claim.limit)
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .execute();
}

export async function setEmailSent(db: Db, id: string, sentAt: Date): Promise<void> {
  await db
    .updateTable("email")
    .set({ sent_at: sentAt, last_error: null })
    .where("id", "=", id)
    .where("failed_at", "is", null)
    .execute();
}

export async function setEmailRetry(
  db: Db,
  id: string,
  retry: { nextAttemptAt: Date; error: string },
): Promise<void> {
  await db
    .updateTable("email")
    .set({ next_attempt_at: retry.nextAttemptAt, last_error: retry.error })
    .where("id", "=", id)
    .execute();
}

/** Puts a mail off that was not tried: the attempt that was counted when it was claimed was none. */
export async function setEmailWaiting(
  db: Db,
  id: string,
  wait: { nextAttemptAt: Date; error: string },
): Promise<void> {
  await db
    .updateTable("email")
    .set({ next_attempt_at: wait.nextAttemptAt, last_error: wait.error, attempts: sql`attempts - 1` })
    .where("id", "=", id)
    .execute();
}

/** @returns false when the mail has an outcome already. */
export async function setEmailFailed(
  db: Db,
  id: string,
  failure: { failedAt: Date; error: string },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("email")
    .set({ failed_at: failure.failedAt, last_error: failure.error })
    .where("id", "=", id)
    .where("sent_at", "is", null)
    .where("failed_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/**
 * A mail that was sent to this address did not arrive. By the constraint email_once_per_event.
 * @returns false when there is none such, or it has failed already.
 */
export async function setEmailBounced(
  db: Db,
  bounce: { eventId: string; kind: string; recipient: string; at: Date; error: string },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("email")
    .set({ sent_at: null, failed_at: bounce.at, last_error: bounce.error })
    .where("event_id", "=", bounce.eventId)
    .where("kind", "=", bounce.kind)
    .where(sql<string>`lower(recipient)`, "=", bounce.recipient)
    .where("sent_at", "is not", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Mails that are still to be sent. */
export async function countUnsentEmails(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom("email")
    .select((query) => query.fn.countAll<number>().as("count"))
    .where("sent_at", "is", null)
    .where("failed_at", "is", null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Forgets mails settled, and events processed, before `before`: addresses are not kept for ever. Index: email_settled. */
export async function pruneSettled(db: Db, before: Date): Promise<void> {
  await db
    .deleteFrom("email")
    .where("created_at", "<", before)
    .where((or) => or.or([or("sent_at", "is not", null), or("failed_at", "is not", null)]))
    .execute();
  await db.deleteFrom("processed_event").where("processed_at", "<", before).execute();
}

/** Mails of one kind that have no outcome yet. By the index email_of_account. */
export async function deleteUnsentOf(db: Db, accountId: string, kind: string): Promise<void> {
  await db
    .deleteFrom("email")
    .where("account_id", "=", accountId)
    .where("kind", "=", kind)
    .where("sent_at", "is", null)
    .where("failed_at", "is", null)
    .execute();
}

/** By the index email_of_account. */
export async function deleteEmailsOf(db: Db, accountId: string): Promise<void> {
  await db.deleteFrom("email").where("account_id", "=", accountId).execute();
}

import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { sql, type Transaction } from "kysely";

type Tx = Transaction<NotifyDatabase>;

/** Marks stand among the processed events, and are forgotten with them. */
const MARKS = "deleted-account";
/** First key of the two-key advisory locks below; used for nothing else in this database. */
const ACCOUNT_MAIL_LOCK_CLASS = 5084;

/** Whoever stores mail of an account, and whoever deletes all of it, do so one after the other. */
export async function lockAccountMail(tx: Tx, accountId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ACCOUNT_MAIL_LOCK_CLASS}::int, hashtext(${accountId}))`.execute(
    tx,
  );
}

export async function hasMark(db: Executor<NotifyDatabase>, mark: string): Promise<boolean> {
  const row = await db
    .selectFrom("processed_event")
    .select("event_id")
    .where("consumer", "=", MARKS)
    .where("event_id", "=", mark)
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertMark(tx: Tx, mark: string, at: Date): Promise<void> {
  await tx
    .insertInto("processed_event")
    .values({ consumer: MARKS, event_id: mark, processed_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** By the index email_of_account. */
export async function deleteEmailsOf(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom("email").where("account_id", "=", accountId).execute();
}

/** Limits have keys of the form `name:account`. */
export async function deleteLimitsOf(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom("rate_limit").where(sql<string>`split_part(key, ':', 2)`, "=", accountId).execute();
}

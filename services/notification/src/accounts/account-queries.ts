import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { type Insertable, type Selectable, sql, type Transaction } from "kysely";

type Tx = Transaction<NotifyDatabase>;
type Db = Executor<NotifyDatabase>;
export type Addressee = Selectable<NotifyDatabase["addressee"]>;

/** Marks stand among the processed events, and are forgotten with them. */
const MARKS = "deleted-account";
/** First key of the two-key advisory locks below; used for nothing else in this database. */
const ACCOUNT_LOCK_CLASS = 5084;

/** Whoever stores something of an account, and whoever deletes all of it, do so one after the other. */
export async function lockAccount(tx: Tx, accountId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ACCOUNT_LOCK_CLASS}::int, hashtext(${accountId}))`.execute(tx);
}

/** @returns false when this effect of the event has been there before. */
export async function insertProcessedEvent(
  db: Db,
  row: Insertable<NotifyDatabase["processed_event"]>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("processed_event")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Events of an account may overtake each other when they are repeated: the newest knowledge stays. */
export async function upsertAddressee(tx: Tx, row: Insertable<NotifyDatabase["addressee"]>): Promise<void> {
  const { account_id: _id, ...known } = row;
  await tx
    .insertInto("addressee")
    .values(row)
    .onConflict((conflict) =>
      conflict.column("account_id").doUpdateSet(known).where(sql<boolean>`addressee.as_of <= excluded.as_of`),
    )
    .execute();
}

/** Undefined before the account's first event has been handled. */
export function findAddressee(db: Db, accountId: string): Promise<Addressee | undefined> {
  return db.selectFrom("addressee").selectAll().where("account_id", "=", accountId).executeTakeFirst();
}

export async function deleteAddressee(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom("addressee").where("account_id", "=", accountId).execute();
}

export async function hasMark(db: Db, mark: string): Promise<boolean> {
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

/** Limits have keys of the form `name:account`. */
export async function deleteLimitsOf(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom("rate_limit").where(sql<string>`split_part(key, ':', 2)`, "=", accountId).execute();
}

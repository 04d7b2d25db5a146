import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { type Selectable, sql, type Transaction } from "kysely";

type Tx = Transaction<NotifyDatabase>;
type Db = Executor<NotifyDatabase>;
/** Whoever writes here holds `lockAccount`. */
export type Waiting = Selectable<NotifyDatabase["waiting"]>;
export type Attention = Selectable<NotifyDatabase["attention"]>;

export function findAttention(db: Db, accountId: string): Promise<Attention | undefined> {
  return db.selectFrom("attention").selectAll().where("account_id", "=", accountId).executeTakeFirst();
}

/** The devices of an account that messages wait for. */
export function listWaiting(db: Db, accountId: string): Promise<Waiting[]> {
  return db
    .selectFrom("waiting")
    .selectAll()
    .where("account_id", "=", accountId)
    .orderBy("device_id")
    .execute();
}

export type Told = { accountId: string; deviceId: string; waiting: number; eventId: string; at: Date };

/** Takes the count of a newer event. @returns false when nothing waits for the device so far */
export async function updateWaiting(
  tx: Tx,
  { accountId, deviceId, waiting, eventId, at }: Told,
): Promise<boolean> {
  const row = await tx
    .selectFrom("waiting")
    .select("as_of")
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .executeTakeFirst();
  if (!row) return false;
  if (row.as_of > at) return true;
  await tx
    .updateTable("waiting")
    .set({ waiting, event_id: eventId, as_of: at })
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .execute();
  return true;
}

/** The push is due at once; whether it is the time for it is asked when it is queued. */
export async function insertWaiting(tx: Tx, told: Told, now: Date): Promise<void> {
  await tx
    .insertInto("waiting")
    .values({
      account_id: told.accountId,
      device_id: told.deviceId,
      waiting: told.waiting,
      event_id: told.eventId,
      as_of: told.at,
      told_at: told.at,
      push_due_at: now,
    })
    .execute();
}

/** Has a digest be due, unless one is or was in this absence; `everyMs` after the last one at the earliest. */
export async function scheduleDigest(
  tx: Tx,
  accountId: string,
  { dueAt, everyMs }: { dueAt: Date; everyMs: number },
): Promise<void> {
  await sql`
    insert into notify.attention as a (account_id, digest_due_at) values (${accountId}::uuid, ${dueAt})
    on conflict (account_id) do update
      set digest_due_at = greatest(excluded.digest_due_at, a.digested_at + make_interval(secs => ${everyMs / 1000}::float8))
      where a.digest_due_at is null and not a.is_digested`.execute(tx);
}

/** Takes note of when somebody was there. */
export async function putAttended(tx: Tx, accountId: string, at: Date): Promise<void> {
  await tx
    .insertInto("attention")
    .values({ account_id: accountId, attended_at: at })
    .onConflict((conflict) => conflict.column("account_id").doUpdateSet({ attended_at: at }))
    .execute();
}

/** The digest of the absence that has ended is not due any more; the next absence may have one. */
export async function endDigest(tx: Tx, accountId: string): Promise<void> {
  await tx
    .updateTable("attention")
    .set({ digest_due_at: null, is_digested: false })
    .where("account_id", "=", accountId)
    .execute();
}

/** Forgets what was told up to `at`. @returns of how many devices */
export async function deleteWaitingUntil(tx: Tx, accountId: string, at: Date): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom("waiting")
    .where("account_id", "=", accountId)
    .where("as_of", "<=", at)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/**
 * Devices that were told of up to `at` and again after it: the later telling, which was taken for a repeat, is the first
 * of a new absence. @returns how many there are
 */
export async function renewWaiting(tx: Tx, accountId: string, at: Date, now: Date): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable("waiting")
    .set((row) => ({ told_at: row.ref("as_of"), push_due_at: now }))
    .where("account_id", "=", accountId)
    .where("told_at", "<=", at)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

export async function deleteWaitingDevice(tx: Tx, accountId: string, deviceId: string): Promise<void> {
  await tx
    .deleteFrom("waiting")
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .execute();
}

/** Accounts of which something is due, the longest due first. Indexes: waiting_push_due, attention_digest_due. */
export async function listDueAccounts(db: Db, now: Date, limit: number): Promise<string[]> {
  const { rows } = await sql<{ account_id: string }>`
    select account_id from (
      (select account_id, push_due_at as due_at from notify.waiting where push_due_at <= ${now}
       order by push_due_at limit ${limit})
      union all
      (select account_id, digest_due_at from notify.attention where digest_due_at <= ${now}
       order by digest_due_at limit ${limit})
    ) due group by account_id order by min(due_at) limit ${limit}`.execute(db);
  return rows.map(({ account_id }) => account_id);
}

/** Null: never. */
export async function postponeDue(
  tx: Tx,
  accountId: string,
  { now, until }: { now: Date; until: Date | null },
): Promise<void> {
  await tx
    .updateTable("waiting")
    .set({ push_due_at: until })
    .where("account_id", "=", accountId)
    .where("push_due_at", "<=", now)
    .execute();
  await tx
    .updateTable("attention")
    .set({ digest_due_at: until })
    .where("account_id", "=", accountId)
    .where("digest_due_at", "<=", now)
    .execute();
}

/** `digestedAt` undefined: there was nobody to send it to. */
export async function setDigested(tx: Tx, accountId: string, digestedAt: Date | undefined): Promise<void> {
  await tx
    .updateTable("attention")
    .set({
      digest_due_at: null,
      is_digested: true,
      ...(digestedAt && { digested_at: digestedAt }),
    })
    .where("account_id", "=", accountId)
    .execute();
}

export async function countWaiting(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom("waiting")
    .select((query) => query.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function deleteAttention(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom("waiting").where("account_id", "=", accountId).execute();
  await tx.deleteFrom("attention").where("account_id", "=", accountId).execute();
}

import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";

type Db = Executor<ChatDatabase>;
type Tx = Transaction<ChatDatabase>;

/** Those of these accounts that have been deleted. */
export async function listDeleted(db: Db, accountIds: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom("deleted_account")
    .select("account_id")
    .where("account_id", "in", accountIds)
    .execute();
  return rows.map(({ account_id }) => account_id);
}

/** Whether any account was deleted lately. */
export async function hasDeleted(db: Db): Promise<boolean> {
  const row = await db.selectFrom("deleted_account").select("account_id").limit(1).executeTakeFirst();
  return row !== undefined;
}

/** The caller holds `lockDeviceSet`. */
export async function insertDeleted(tx: Tx, accountId: string, at: Date): Promise<void> {
  await tx
    .insertInto("deleted_account")
    .values({ account_id: accountId, deleted_at: at })
    .onConflict((conflict) => conflict.constraint("deleted_account_pkey").doNothing())
    .execute();
}

/** Deletions that began before `before` and have not got as far as the messages. */
export async function listUncleared(db: Db, before: Date, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom("deleted_account")
    .select("account_id")
    .where("cleared", "=", false)
    .where("deleted_at", "<", before)
    .orderBy("deleted_at")
    .limit(limit)
    .execute();
  return rows.map(({ account_id }) => account_id);
}

/** Nothing is left but messages. */
export async function markCleared(db: Db, accountId: string): Promise<void> {
  await sql`
    update chat.deleted_account set cleared = true, course_at = now()
    where account_id = ${accountId}::uuid and not cleared`.execute(db);
}

/** Forgets deletions that are complete and whose access tokens have long ended. */
export async function deleteForgotten(db: Db, before: Date): Promise<void> {
  await sql`
    delete from chat.deleted_account where cleared and course_at is null and deleted_at < ${before}`.execute(
    db,
  );
}

/** The oldest envelopes of a device, `limit` of them; answers how many there were. */
export async function deleteOldestMail(db: Db, deviceId: string, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from chat.envelope where device_id = ${deviceId}::uuid and envelope_id in (
      select envelope_id from chat.envelope where device_id = ${deviceId}::uuid order by envelope_id limit ${limit}
    )`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

/** Device lists of an account, oldest first, but for the newest `keep`: `limit` of them; answers how many there were. */
export async function deleteOldLists(
  db: Db,
  accountId: string,
  { keep, limit }: { keep: number; limit: number },
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from chat.device_list where account_id = ${accountId}::uuid and version in (
      select version from chat.device_list where account_id = ${accountId}::uuid
      order by version desc offset ${keep} limit ${limit}
    )`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

/** An account without devices, its device lists and its settings. */
export async function deleteAccountRow(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom("device_list").where("account_id", "=", accountId).execute();
  await tx.deleteFrom("account").where("account_id", "=", accountId).execute();
  await tx.deleteFrom("privacy").where("account_id", "=", accountId).execute();
}

export type DeletedContact = {
  accountId: string;
  /** The other one knew of it. */
  wasSeen: boolean;
};

/** Contacts and requests of an account, `limit` of each side; answers the others. By contact_pkey and contact_high. */
export async function deleteSomeContacts(
  db: Db,
  accountId: string,
  limit: number,
): Promise<DeletedContact[]> {
  const { rows } = await sql<DeletedContact>`
    delete from chat.contact c using (
      (select low, high, high as other from chat.contact where low = ${accountId}::uuid limit ${limit})
      union all
      (select low, high, low as other from chat.contact where high = ${accountId}::uuid limit ${limit})
    ) d
    where c.low = d.low and c.high = d.high
    returning d.other as "accountId", (not c.hidden or c.requested_by = d.other) and not exists (
      select from chat.block b where b.account_id = d.other and b.blocked_account_id = ${accountId}::uuid
    ) as "wasSeen"`.execute(db);
  return rows;
}

/** Blocks by an account and of it, `limit` of each; answers how many there were. By block_pkey and block_blocked. */
export async function deleteSomeBlocks(db: Db, accountId: string, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from chat.block b using (
      (select account_id, blocked_account_id from chat.block where account_id = ${accountId}::uuid limit ${limit})
      union all
      (select account_id, blocked_account_id from chat.block where blocked_account_id = ${accountId}::uuid limit ${limit})
    ) d
    where b.account_id = d.account_id and b.blocked_account_id = d.blocked_account_id`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

/**
 * Takes an account out of its next `limit` conversations, and deletes those in which nobody is left; answers how many
 * there were. The conversations are locked first: of two accounts that leave at once the second sees that the first has.
 */
export async function leaveSomeConversations(tx: Tx, accountId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    select c.conversation_id as id from chat.conversation c where c.conversation_id in (
      select m.conversation_id from chat.member m where m.account_id = ${accountId}::uuid
      order by m.conversation_id desc limit ${limit}
    ) order by c.conversation_id for update`.execute(tx);
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return 0;
  await sql`
    delete from chat.member where account_id = ${accountId}::uuid and conversation_id = any(${ids}::uuid[])`.execute(
    tx,
  );
  await sql`
    delete from chat.conversation c where c.conversation_id = any(${ids}::uuid[])
      and not exists (select from chat.member m where m.conversation_id = c.conversation_id)`.execute(tx);
  await sql`
    update chat.conversation set direct_low = null, direct_high = null
    where conversation_id = any(${ids}::uuid[]) and kind = 'direct'`.execute(tx);
  return ids.length;
}

/** Forgets limits, by their whole keys. */
export async function deleteLimits(db: Db, keys: readonly string[]): Promise<void> {
  await sql`delete from chat.rate_limit where key = any(${keys}::text[])`.execute(db);
}

import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { sql, type Transaction } from "kysely";

type Tx = Transaction<AccountDatabase>;

/** Deletes entries whose id (UUIDv7) is below `before`, by the primary key; how many. */
export async function deleteAuditBefore(tx: Tx, before: string, limit: number): Promise<number> {
  const old = tx
    .selectFrom("audit_entry")
    .select("audit_id")
    .where("audit_id", "<", before)
    .orderBy("audit_id")
    .limit(limit);
  const { numDeletedRows } = await tx
    .deleteFrom("audit_entry")
    .where("audit_id", "in", old)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** By the index used_challenge_expired. */
export async function deleteExpiredChallenges(tx: Tx, now: Date, limit: number): Promise<number> {
  const expired = tx
    .selectFrom("used_challenge")
    .select("challenge_id")
    .where("expires_at", "<", now)
    .orderBy("expires_at")
    .limit(limit);
  const { numDeletedRows } = await tx
    .deleteFrom("used_challenge")
    .where("challenge_id", "in", expired)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** By the index mail_token_expired. */
export async function deleteExpiredMailTokens(tx: Tx, now: Date, limit: number): Promise<number> {
  const expired = tx
    .selectFrom("mail_token")
    .select("token_hash")
    .where("expires_at", "<", now)
    .orderBy("expires_at")
    .limit(limit)
    .forUpdate()
    .skipLocked();
  const { numDeletedRows } = await tx
    .deleteFrom("mail_token")
    .where("token_hash", "in", expired)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** By the index rate_limit_expired. A limit that begins anew meanwhile is skipped. */
export async function deleteExpiredLimits(tx: Tx, now: Date, limit: number): Promise<number> {
  const expired = tx
    .selectFrom("rate_limit")
    .select("key")
    .where("expire", "<", now.getTime())
    .orderBy("expire")
    .limit(limit)
    .forUpdate()
    .skipLocked();
  const { numDeletedRows } = await tx
    .deleteFrom("rate_limit")
    .where("key", "in", expired)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/**
 * Of the `limit` sessions that follow `after` in the order of their ids, deletes those that were revoked or last used
 * before these times; what another is deleting is skipped. The last id that was looked at, undefined when there is none.
 * By the primary key: an index of last uses would be written with each refresh.
 */
export async function deleteEndedSessionsAfter(
  tx: Tx,
  after: string,
  { before, limit }: { before: { revoked: Date; used: Date }; limit: number },
): Promise<string | undefined> {
  const { rows } = await sql<{ last: string | null }>`
    with looked as (
      select session_id from session
      where session_id > ${after} order by session_id limit ${limit}
    ), ended as (
      select s.session_id from session s join looked using (session_id)
      where s.revoked_at < ${before.revoked} or s.last_used_at < ${before.used}
      for update of s skip locked
    ), deleted as (
      delete from session where session_id in (select session_id from ended)
    )
    select session_id as last from looked order by session_id desc limit 1`.execute(tx);
  return rows[0]?.last ?? undefined;
}

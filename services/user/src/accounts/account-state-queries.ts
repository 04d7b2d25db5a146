import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { sql, type Transaction } from "kysely";

export async function setDeactivated(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  at: Date,
): Promise<void> {
  await tx
    .updateTable("account")
    .set({ state: "deactivated", state_since: at })
    .where("account_id", "=", accountId)
    .execute();
}

export async function setDeleting(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  { at, deletesAt }: { at: Date; deletesAt: Date },
): Promise<void> {
  await tx
    .updateTable("account")
    .set({ state: "deleting", state_since: at, deletes_at: deletesAt })
    .where("account_id", "=", accountId)
    .execute();
}

export type DueAccount = { readonly accountId: string; readonly username: string };

/**
 * Locks up to `limit` accounts whose grace has ended, the oldest first; by the index account_deletes_at. One that a
 * sign-in holds at this moment is left for the next time: perhaps it is not due any more then.
 */
export async function listDueAccountsForUpdate(
  tx: Transaction<AccountDatabase>,
  now: Date,
  limit: number,
): Promise<DueAccount[]> {
  const rows = await tx
    .selectFrom("account")
    .select(["account_id", "username"])
    .where("state", "=", "deleting")
    .where("deletes_at", "<=", now)
    .orderBy("deletes_at")
    .limit(limit)
    .forUpdate()
    .skipLocked()
    .execute();
  return rows.map((row) => ({ accountId: row.account_id, username: row.username }));
}

export async function listSessionIds(
  db: Executor<AccountDatabase>,
  accountIds: readonly string[],
): Promise<string[]> {
  const rows = await db
    .selectFrom("session")
    .select("session_id")
    .where("account_id", "in", accountIds)
    .execute();
  return rows.map((row) => row.session_id);
}

/** Deletes accounts; everything else of theirs in this schema goes with them, by foreign keys. */
export async function deleteAccounts(
  tx: Transaction<AccountDatabase>,
  accountIds: readonly string[],
): Promise<void> {
  await tx.deleteFrom("account").where("account_id", "in", accountIds).execute();
}

/** Deletes the limits that have one of these keys, under any of the names, or a key that starts with a prefix. */
export async function deleteLimits(
  tx: Transaction<AccountDatabase>,
  { keys, prefixes }: { keys: readonly string[]; prefixes: readonly string[] },
): Promise<void> {
  await tx
    .deleteFrom("rate_limit")
    .where((where) =>
      where.or([
        where(sql<string>`split_part(key, ':', 2)`, "in", keys),
        ...prefixes.map((prefix) => where(sql<boolean>`starts_with(key, ${prefix})`, "=", true)),
      ]),
    )
    .execute();
}

import { type AuditEntry, type AuditType, auditType } from "@sotto/contracts/audit-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase, Json } from "@sotto/platform/db-types/account";
import { sql, type Transaction } from "kysely";

export async function insertAuditEntry(
  db: Executor<AccountDatabase>,
  accountId: string,
  entry: Omit<AuditEntry, "at"> & { at: Date },
): Promise<void> {
  await db
    .insertInto("audit_entry")
    .values({
      audit_id: entry.auditId,
      account_id: accountId,
      type: entry.type,
      at: entry.at,
      actor_account_id: entry.actorAccountId,
      address: entry.address,
      client: entry.client,
      session_id: entry.sessionId,
      details: JSON.stringify(entry.details) as Json,
    })
    .execute();
}

/** Newest first (ids are UUIDv7), before `after`; by the index audit_entry_of_account. */
export async function listAuditEntries(
  db: Executor<AccountDatabase>,
  accountId: string,
  page: { after: string | undefined; limit: number },
): Promise<AuditEntry[]> {
  const rows = await db
    .selectFrom("audit_entry")
    .selectAll()
    .where("account_id", "=", accountId)
    .$if(page.after !== undefined, (query) => query.where("audit_id", "<", page.after as string))
    .orderBy("audit_id", "desc")
    .limit(page.limit)
    .execute();
  return rows.map((row) => ({
    auditId: row.audit_id,
    type: auditType.parse(row.type),
    at: row.at.toISOString(),
    actorAccountId: row.actor_account_id,
    address: row.address,
    client: row.client,
    sessionId: row.session_id,
    details: row.details as AuditEntry["details"],
  }));
}

/** False when there is no such account. */
export async function lockAuditedAccount(
  tx: Transaction<AccountDatabase>,
  accountId: string,
): Promise<boolean> {
  const row = await tx
    .selectFrom("account")
    .select("account_id")
    .where("account_id", "=", accountId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** Entries among which one to count in is looked for; others do not come in such numbers within a minute. */
const LATEST = 50;

/** Adds to `details.count` of the account's latest entry of this type since then; false when there is none. */
export async function addToAuditCount(
  tx: Transaction<AccountDatabase>,
  { accountId, type, since, count }: { accountId: string; type: AuditType; since: Date; count: number },
): Promise<boolean> {
  const latest = tx
    .selectFrom("audit_entry")
    .select(["audit_id", "type", "at"])
    .where("account_id", "=", accountId)
    .orderBy("audit_id", "desc")
    .limit(LATEST)
    .as("latest");
  const { numUpdatedRows } = await tx
    .updateTable("audit_entry")
    .set({
      details: sql`jsonb_set(details, '{count}', to_jsonb((details ->> 'count')::int + ${count}::int))`,
    })
    .where("audit_id", "=", (where) =>
      where
        .selectFrom(latest)
        .select("latest.audit_id")
        .where("latest.type", "=", type)
        .where("latest.at", ">", since)
        .orderBy("latest.audit_id", "desc")
        .limit(1),
    )
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

import { type AuditEntry, auditType } from "@sotto/contracts/audit-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase, Json } from "@sotto/platform/db-types/account";

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

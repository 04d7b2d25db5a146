import type { AuditEntry } from "@sotto/contracts/audit-api";
import type { UserContext } from "../context.ts";
import { listAuditEntries } from "./audit-queries.ts";

export type AuditPage = { entries: AuditEntry[]; next: string | null };

/** A page of an account's audit log, newest first: entries older than that of id `after`. */
export async function listAudit(
  context: Pick<UserContext, "db">,
  accountId: string,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<AuditPage> {
  const found = await listAuditEntries(context.db, accountId, { after, limit: limit + 1 });
  const entries = found.slice(0, limit);
  return { entries, next: found.length > limit ? (entries.at(-1)?.auditId ?? null) : null };
}

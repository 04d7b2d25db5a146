import type { AuditEntry } from "@sotto/contracts/audit-api";
import type { UserContext } from "../context.ts";
import { type AuditPage, listAudit } from "./list-audit.ts";

/** A page of the audit log as the owner of the account sees it, newest first. */
export async function listOwnAudit(
  context: Pick<UserContext, "db">,
  accountId: string,
  page: { after?: string | undefined; limit: number },
): Promise<AuditPage> {
  const { entries, next } = await listAudit(context, accountId, page);
  return { entries: entries.map(withoutOperatorsPlace), next };
}

/** That an operator acted is the owner's business; where the operator sat is not. */
function withoutOperatorsPlace(entry: AuditEntry): AuditEntry {
  if (entry.actorAccountId === null) return entry;
  return { ...entry, address: null, client: null, sessionId: null };
}

import type { AuditEntry, AuditType } from "@sotto/contracts/audit-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { UserContext } from "../context.ts";
import { insertAuditEntry } from "./audit-queries.ts";

/** Where a request came from, for the audit log. */
export type Origin = {
  readonly address: string | undefined;
  readonly sessionId?: string | undefined;
  /** What the client calls itself. */
  readonly client?: string | undefined;
};

export type Audited = {
  readonly accountId: string;
  readonly type: AuditType;
  readonly origin: Origin;
  /** The operator, when it is not the owner. */
  readonly actorAccountId?: string;
  readonly details?: AuditEntry["details"];
};

/**
 * Writes down a security event. Pass the transaction of what happened, so that neither is there without the other;
 * a failure is written on its own.
 */
export async function recordAudit(
  db: Executor<AccountDatabase>,
  { clock, ids }: Pick<UserContext, "clock" | "ids">,
  { accountId, type, origin, actorAccountId, details }: Audited,
): Promise<void> {
  await insertAuditEntry(db, accountId, {
    auditId: ids.uuidv7(),
    type,
    at: clock.now(),
    actorAccountId: actorAccountId ?? null,
    address: origin.address ?? null,
    client: origin.client ?? null,
    sessionId: origin.sessionId ?? null,
    details: details ?? {},
  });
}

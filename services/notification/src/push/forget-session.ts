import type { DomainEvent } from "@sotto/contracts/events";
import { lockAccount } from "../accounts/account-queries.ts";
import type { NotificationContext } from "../context.ts";
import { deleteSubscriptionsOfSession, insertEndedSession } from "./subscription-queries.ts";

/**
 * Whoever has lost a session is not told by it any more that messages wait; a token that outlives it subscribes nothing.
 * Idempotent.
 */
export async function forgetSession(
  { db, clock }: Pick<NotificationContext, "db" | "clock">,
  { data: { accountId, sessionId } }: DomainEvent<"user.session-revoked">,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId);
    await insertEndedSession(tx, sessionId, clock.now());
    await deleteSubscriptionsOfSession(tx, { accountId, sessionId });
  });
}

import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { lockAccount, revokeSessionRows } from "./session-queries.ts";

/** Events in one row of the outbox. */
const EVENTS_PER_ROW = 500;

/**
 * Ends all sessions of an account, or all but one, and tells the other services of each, in the caller's transaction.
 * Answers how many there were. Takes the lock of the account's row first: who starts a session takes the same lock
 * before looking at the account, so that no session starts from what is being changed here.
 */
export async function revokeAccountSessions(
  tx: Transaction<AccountDatabase>,
  context: Pick<UserContext, "clock" | "ids">,
  { accountId, exceptSessionId }: { accountId: string; exceptSessionId?: string },
): Promise<number> {
  await lockAccount(tx, accountId);
  const revoked = await revokeSessionRows(tx, { accountId, exceptSessionId, at: context.clock.now() });
  for (let start = 0; start < revoked.length; start += EVENTS_PER_ROW) {
    await appendEvents(
      tx,
      context,
      revoked.slice(start, start + EVENTS_PER_ROW).map((sessionId) => ({
        type: "user.session-revoked" as const,
        key: accountId,
        data: { accountId, sessionId },
      })),
    );
  }
  return revoked.length;
}

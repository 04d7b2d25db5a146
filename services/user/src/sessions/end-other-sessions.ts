import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { checkSession } from "./check-session.ts";
import { revokeAccountSessions } from "./revoke-account-sessions.ts";

/**
 * Ends all sessions of the caller's account but the caller's own; answers how many.
 * @throws AppError `session_revoked` when the caller's session is one that was ended at the same moment.
 */
export async function endOtherSessions(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { accountId, sessionId, origin }: { accountId: string; sessionId: string; origin: Origin },
): Promise<number> {
  return context.db.transaction().execute(async (tx) => {
    const revoked = await revokeAccountSessions(tx, context, { accountId, exceptSessionId: sessionId });
    // Of two sessions that end each other at once, the second finds itself ended: undone, or none would be left.
    await checkSession({ db: tx }, sessionId);
    if (revoked > 0) {
      await recordAudit(tx, context, {
        accountId,
        type: "other-sessions-revoked",
        origin,
        details: { revoked },
      });
    }
    return revoked;
  });
}

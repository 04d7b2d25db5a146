import { AppError } from "@sotto/platform/app-error";

import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { revokeSession } from "./revoke-session.ts";
import { isSessionOf } from "./session-queries.ts";

/**
 * Ends one of the caller's own sessions; one that has ended already stays as it is.
 * @throws AppError `not_found` for what is none of the account's sessions, whether it is another's or nobody's.
 */
export async function endSession(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { accountId, sessionId, origin }: { accountId: string; sessionId: string; origin: Origin },
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    if (!(await isSessionOf(tx, { accountId, sessionId }))) {
      throw new AppError("not_found", "The account has no such session.");
    }
    if (!(await revokeSession(tx, context, sessionId))) return;
    await recordAudit(tx, context, { accountId, type: "session-revoked", origin, details: { sessionId } });
  });
}

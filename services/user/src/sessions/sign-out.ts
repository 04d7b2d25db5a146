import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { revokeSession } from "./revoke-session.ts";

/** Ends the caller's session: its refresh tokens are dead at once, and the user service refuses its access token. */
export async function signOut(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { accountId, sessionId, origin }: { accountId: string; sessionId: string; origin: Origin },
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    if (!(await revokeSession(tx, context, sessionId))) return;
    await recordAudit(tx, context, { accountId, type: "signed-out", origin });
  });
}

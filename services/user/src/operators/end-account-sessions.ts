import { recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { revokeAccountSessions } from "../sessions/revoke-account-sessions.ts";
import { actOnAccount, type OperatorAct } from "./act-on-account.ts";

/** Ends all sessions of an account; answers how many. @throws AppError `forbidden`, `not_found`. */
export async function endAccountSessions(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  act: OperatorAct,
): Promise<number> {
  const { operatorId: actorAccountId, targetId: accountId, origin, reason } = act;
  return actOnAccount(context, "revoke-sessions", act, async (tx) => {
    const revoked = await revokeAccountSessions(tx, context, { accountId });
    await recordAudit(tx, context, {
      ...{ accountId, actorAccountId, origin, type: "operator-sessions-revoked" },
      details: { reason, revoked },
    });
    return revoked;
  });
}

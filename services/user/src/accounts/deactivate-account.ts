import { appendEvents } from "@sotto/platform/outbox";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { deleteMailTokens } from "../emails/mail-token-queries.ts";
import { sessionEnded } from "../sessions/check-session.ts";
import { revokeAccountSessions } from "../sessions/revoke-account-sessions.ts";
import { hasLiveSession } from "../sessions/session-queries.ts";
import { findSignInAccountForUpdate } from "../sessions/sign-in-queries.ts";
import { findSessionClient } from "./account-queries.ts";
import { setDeactivated } from "./account-state-queries.ts";
import { tellUpdated } from "./tell-updated.ts";

/**
 * Hides an account and ends all its sessions; the next sign-in brings it back.
 * @throws AppError `session_revoked` when the session has ended meanwhile.
 */
export async function deactivateAccount(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  caller: { accountId: string; sessionId: string },
  request: { origin: Origin },
): Promise<void> {
  const { accountId } = caller;
  await context.db.transaction().execute(async (tx) => {
    const locked = await findSignInAccountForUpdate(tx, accountId);
    if (!locked || !(await hasLiveSession(tx, caller.sessionId))) throw sessionEnded();
    const origin = { ...request.origin, client: await findSessionClient(tx, caller.sessionId) };
    await setDeactivated(tx, accountId, context.clock.now());
    await revokeAccountSessions(tx, context, { accountId });
    await deleteMailTokens(tx, accountId, ["change-email"]);
    await recordAudit(tx, context, { accountId, type: "account-deactivated", origin });
    await tellUpdated(tx, context, accountId);
    await appendEvents(tx, context, [ownerNotice(locked.account, "account-deactivated", origin.client)]);
  });
}

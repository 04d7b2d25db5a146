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
import { setDeleting } from "./account-state-queries.ts";
import { tellUpdated } from "./tell-updated.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Hides an account, ends all its sessions, and has it deleted when the grace has ended; a sign-in until then keeps it.
 * Its name is taken as long as it exists, and free afterwards: to hold it longer something of the person would have to
 * be kept, and people are known to each other by their ids and keys, not by their names.
 * @throws AppError `session_revoked` when the session has ended meanwhile.
 */
export async function scheduleDeletion(
  context: Pick<UserContext, "db" | "clock" | "ids" | "deletionGraceDays">,
  caller: { accountId: string; sessionId: string },
  request: { origin: Origin },
): Promise<{ deletesAt: Date }> {
  const { accountId } = caller;
  const at = context.clock.now();
  const deletesAt = new Date(at.getTime() + context.deletionGraceDays * DAY_MS);
  await context.db.transaction().execute(async (tx) => {
    const locked = await findSignInAccountForUpdate(tx, accountId);
    if (!locked || !(await hasLiveSession(tx, caller.sessionId))) throw sessionEnded();
    const origin = { ...request.origin, client: await findSessionClient(tx, caller.sessionId) };
    await setDeleting(tx, accountId, { at, deletesAt });
    await revokeAccountSessions(tx, context, { accountId });
    await deleteMailTokens(tx, accountId, ["change-email"]);
    await recordAudit(tx, context, { accountId, type: "account-deletion-scheduled", origin });
    await tellUpdated(tx, context, accountId);
    await appendEvents(tx, context, [
      ownerNotice(locked.account, "account-deletion-scheduled", origin.client),
    ]);
  });
  return { deletesAt };
}

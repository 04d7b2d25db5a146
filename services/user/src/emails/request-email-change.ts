import { appendEvents } from "@sotto/platform/outbox";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { sessionEnded } from "../sessions/check-session.ts";
import { hasLiveSession } from "../sessions/session-queries.ts";
import { findSignInAccountForUpdate } from "../sessions/sign-in-queries.ts";
import { putMailToken } from "./mail-token-queries.ts";
import { type LinkDeps, prepareMailLink } from "./prepare-mail-link.ts";
import { takeMailLimit } from "./take-mail-limit.ts";

/**
 * Mails a link to the new address, and a notice to the present one, which stays in force until the link is used.
 * Whether another account has the address makes no difference.
 * @throws AppError `rate_limited` by address, `session_revoked` when the session has ended meanwhile.
 */
export async function requestEmailChange(
  context: LinkDeps & Pick<UserContext, "db" | "ids" | "limits" | "sealer">,
  caller: { accountId: string; sessionId: string },
  { email, origin }: { email: string; origin: Origin },
): Promise<void> {
  const { accountId } = caller;
  await takeMailLimit(context, email);
  const { row, sealed } = await prepareMailLink(context, { accountId, purpose: "change-email", email });
  await context.db.transaction().execute(async (tx) => {
    const found = await findSignInAccountForUpdate(tx, accountId);
    if (!found || !(await hasLiveSession(tx, caller.sessionId))) throw sessionEnded();
    const { account } = found;
    const { username, language } = account;
    await putMailToken(tx, row);
    await recordAudit(tx, context, { accountId, type: "email-change-requested", origin });
    await appendEvents(tx, context, [
      {
        type: "user.email-verification-requested",
        key: accountId,
        data: { accountId, username, language, email, purpose: "change", sealed },
      },
      ownerNotice(account, "email-change-requested", origin.client),
    ]);
  });
}

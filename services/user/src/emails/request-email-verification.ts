import { appendEvents } from "@sotto/platform/outbox";
import { findAccount } from "../accounts/account-queries.ts";
import type { UserContext } from "../context.ts";
import { putMailToken } from "./mail-token-queries.ts";
import { type LinkDeps, prepareMailLink } from "./prepare-mail-link.ts";
import { takeMailLimit } from "./take-mail-limit.ts";

/**
 * Mails the caller a new link that verifies the address of its account, in the place of an earlier one. Does nothing
 * when the address is verified.
 * @throws AppError `rate_limited` by address.
 */
export async function requestEmailVerification(
  context: LinkDeps & Pick<UserContext, "db" | "ids" | "limits" | "sealer">,
  accountId: string,
): Promise<void> {
  const account = await findAccount(context.db, accountId);
  if (!account || account.emailVerified) return;
  const { username, email, language } = account;
  await takeMailLimit(context, email);
  const { row, sealed } = await prepareMailLink(context, { accountId, purpose: "verify-email", email });
  await context.db.transaction().execute(async (tx) => {
    await putMailToken(tx, row);
    await appendEvents(tx, context, [
      {
        type: "user.email-verification-requested",
        key: accountId,
        data: { accountId, username, email, language, purpose: "register", sealed },
      },
    ]);
  });
}

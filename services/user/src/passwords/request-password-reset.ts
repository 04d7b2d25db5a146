import { appendEvents } from "@sotto/platform/outbox";
import type { Owner } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { foldEmail } from "../emails/mail-token.ts";
import { putMailToken } from "../emails/mail-token-queries.ts";
import { type LinkDeps, prepareMailLink } from "../emails/prepare-mail-link.ts";
import { takeMailLimit } from "../emails/take-mail-limit.ts";
import { findSignInAccountForUpdate } from "../sessions/sign-in-queries.ts";
import { listAccountsByVerifiedEmail } from "./password-queries.ts";

type Deps = LinkDeps & Pick<UserContext, "db" | "ids" | "limits" | "sealer" | "afterwards">;

/** Accounts of one address that get a link; each has a mail of its own. */
const MAX_ACCOUNTS = 5;

/**
 * Mails a link that resets the password to each account that has proved this address. Everything that depends on
 * whether there is one happens after the answer, so that neither the answer nor its time tells.
 * @throws AppError `rate_limited`, `overloaded`.
 */
export async function requestPasswordReset(
  context: Deps,
  { email, origin }: { email: string; origin: Origin },
): Promise<void> {
  await takeMailLimit(context, email);
  context.afterwards.start(async () => {
    const accounts = await listAccountsByVerifiedEmail(context.db, foldEmail(email), MAX_ACCOUNTS);
    for (const account of accounts) await mailResetLink(context, account, origin);
  });
}

/** To the address as the account has it, not as a stranger spelled it. */
async function mailResetLink(
  context: Deps,
  { accountId, username, email, language }: Owner,
  origin: Origin,
): Promise<void> {
  const { row, sealed } = await prepareMailLink(context, { accountId, purpose: "reset-password", email });
  await context.db.transaction().execute(async (tx) => {
    const locked = await findSignInAccountForUpdate(tx, accountId);
    // The account may have taken another address meanwhile, or have gone.
    if (!locked?.account.emailVerified || locked.account.email !== email) return;
    await putMailToken(tx, row);
    await recordAudit(tx, context, { accountId, type: "password-reset-requested", origin });
    await appendEvents(tx, context, [
      {
        type: "user.password-reset-requested",
        key: accountId,
        data: { accountId, username, email, language, sealed },
      },
    ]);
  });
}

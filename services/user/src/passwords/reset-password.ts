import { AppError } from "@sotto/platform/app-error";
import { appendEvents } from "@sotto/platform/outbox";
import { findAccount } from "../accounts/account-queries.ts";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { hashMailToken, type MailTokenPurpose } from "../emails/mail-token.ts";
import { findMailToken, takeMailToken } from "../emails/mail-token-queries.ts";
import { revokeAccountSessions } from "../sessions/revoke-account-sessions.ts";
import { findSignInAccountForUpdate } from "../sessions/sign-in-queries.ts";
import { checkPassword } from "./check-password.ts";
import { replacePassword } from "./replace-password.ts";

type Deps = Pick<UserContext, "db" | "clock" | "ids" | "passwords" | "strength" | "passwordMinScore">;

const PURPOSES: readonly MailTokenPurpose[] = ["reset-password"];

/**
 * Gives the account whose link this is a new password and ends all its sessions. Second factors stay. A password that is
 * refused leaves the link good; of two resets with one link, one wins.
 * @throws AppError `challenge_invalid` when the token is unknown, expired, replaced or used; `weak_password`, `overloaded`.
 */
export async function resetPassword(
  context: Deps,
  { token, newPassword, origin }: { token: string; newPassword: string; origin: Origin },
): Promise<void> {
  const hash = hashMailToken(token);
  const found = await findMailToken(context.db, { hash, purposes: PURPOSES, now: context.clock.now() });
  const account = found && (await findAccount(context.db, found.accountId));
  if (!account) throw invalidLink();
  await checkPassword(context, newPassword, account);
  const passwordHash = await context.passwords.hash(newPassword);
  const { accountId } = account;
  await context.db.transaction().execute(async (tx) => {
    // The account before its token, in the order of everything that locks both.
    const locked = await findSignInAccountForUpdate(tx, accountId);
    const sought = { hash, purposes: PURPOSES, now: context.clock.now() };
    if (!locked || !(await takeMailToken(tx, sought))) throw invalidLink();
    await replacePassword(tx, accountId, passwordHash);
    const revoked = await revokeAccountSessions(tx, context, { accountId });
    await recordAudit(tx, context, { accountId, type: "password-reset", origin, details: { revoked } });
    await appendEvents(tx, context, [ownerNotice(locked.account, "password-reset", origin.client)]);
  });
}

function invalidLink(): AppError {
  return new AppError(
    "challenge_invalid",
    "This link has been used, replaced, or is too old. Ask for a new one.",
  );
}

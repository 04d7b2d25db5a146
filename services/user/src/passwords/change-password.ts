import { AppError } from "@sotto/platform/app-error";
import { appendEvents } from "@sotto/platform/outbox";
import { findSessionClient } from "../accounts/account-queries.ts";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { sessionEnded } from "../sessions/check-session.ts";
import { revokeAccountSessions } from "../sessions/revoke-account-sessions.ts";
import { hasLiveSession } from "../sessions/session-queries.ts";
import { findSignInAccount, findSignInAccountForUpdate } from "../sessions/sign-in-queries.ts";
import { checkPassword } from "./check-password.ts";
import { replacePassword } from "./replace-password.ts";

type Deps = Pick<
  UserContext,
  "db" | "pool" | "clock" | "ids" | "limits" | "failures" | "passwords" | "strength" | "passwordMinScore"
>;

/**
 * Gives the caller's account a new password and ends all its other sessions. Of two changes at once from one old
 * password the second finds it changed.
 * @throws AppError `invalid_credentials` for a wrong current password, `weak_password`, `rate_limited`, `overloaded`,
 * `session_revoked` when the session has ended meanwhile.
 */
export async function changePassword(
  context: Deps,
  caller: { accountId: string; sessionId: string },
  input: { currentPassword: string; newPassword: string; origin: Origin },
): Promise<void> {
  const { accountId, sessionId } = caller;
  await context.limits.take("second-factor.account", accountId);
  const found = await findSignInAccount(context.pool, { accountId });
  if (!(await context.passwords.verify(found?.passwordHash, input.currentPassword)) || !found) {
    const details = { reason: "password" };
    context.failures.note({ accountId, type: "reauthentication-failed", origin: input.origin, details });
    throw wrongPassword();
  }
  await context.limits.giveBack("second-factor.account", accountId);
  await checkPassword(context, input.newPassword, found.account);
  const passwordHash = await context.passwords.hash(input.newPassword);
  await context.db.transaction().execute(async (tx) => {
    const locked = await findSignInAccountForUpdate(tx, accountId);
    if (!locked || !(await hasLiveSession(tx, sessionId))) throw sessionEnded();
    if (locked.passwordHash !== found.passwordHash) throw wrongPassword();
    await replacePassword(tx, accountId, passwordHash);
    const revoked = await revokeAccountSessions(tx, context, { accountId, exceptSessionId: sessionId });
    const origin = { ...input.origin, client: await findSessionClient(tx, sessionId) };
    await recordAudit(tx, context, { accountId, type: "password-changed", origin, details: { revoked } });
    await appendEvents(tx, context, [ownerNotice(locked.account, "password-changed", origin.client)]);
  });
}

function wrongPassword(): AppError {
  return new AppError("invalid_credentials", "The current password is wrong.");
}

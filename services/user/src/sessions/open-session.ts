import { AppError } from "@sotto/platform/app-error";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import { tellUpdated } from "../accounts/tell-updated.ts";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { endedBefore } from "./session-age.ts";
import { type NewSession, replaceEndedSessions } from "./session-queries.ts";
import { activateAccount, type LockedAccount } from "./sign-in-queries.ts";

export type SignInMethod =
  | "password"
  | "passkey"
  | "password+totp"
  | "password+passkey"
  | "password+recovery_code";

/**
 * Stores the session of somebody who has proved who it is, in a transaction that holds the lock of the account. A
 * deactivated account is active again, and the deletion of one is called off. The owner is told of both, and of every
 * new session.
 * @throws AppError `account_suspended`.
 */
export async function openSession(
  tx: Transaction<AccountDatabase>,
  context: Pick<UserContext, "clock" | "ids">,
  { account, state }: Pick<LockedAccount, "account" | "state">,
  { row, method, origin }: { row: NewSession; method: SignInMethod; origin: Origin },
): Promise<void> {
  if (state === "suspended") throw accountSuspended();
  const { accountId } = account;
  const at = context.clock.now();
  const isDeleting = state === "deleting";
  if (state !== "active") {
    await activateAccount(tx, accountId, at);
    await tellUpdated(tx, context, accountId);
    const type = isDeleting ? "account-deletion-cancelled" : "account-reactivated";
    await recordAudit(tx, context, { accountId, type, origin });
  }
  // Here, so that the rows of an account stay as many as its living sessions.
  await replaceEndedSessions(tx, row, endedBefore(at));
  const started: Origin = { ...origin, sessionId: row.sessionId };
  await recordAudit(tx, context, { accountId, type: "signed-in", origin: started, details: { method } });
  await appendEvents(tx, context, [
    ...(isDeleting ? [ownerNotice(account, "account-deletion-cancelled", origin.client)] : []),
    ownerNotice(account, "new-session", origin.client),
  ]);
}

export function accountSuspended(): AppError {
  return new AppError("account_suspended", "This account has been suspended by an operator.");
}

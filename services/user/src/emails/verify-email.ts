import { AppError } from "@sotto/platform/app-error";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import { updateEmail } from "../accounts/account-queries.ts";
import { tellUpdated } from "../accounts/tell-updated.ts";
import { type Owner, ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { findSignInAccountForUpdate } from "../sessions/sign-in-queries.ts";
import { foldEmail, hashMailToken, type MailTokenPurpose } from "./mail-token.ts";
import { deleteMailTokens, findMailToken, takeMailToken } from "./mail-token-queries.ts";

type Deps = Pick<UserContext, "db" | "clock" | "ids">;

const PURPOSES: readonly MailTokenPurpose[] = ["verify-email", "change-email"];

/**
 * Takes the proof that a mail has arrived: verifies the address of an account, or makes the new address its own.
 * @throws AppError `challenge_invalid` when the token is unknown, expired, replaced or used.
 */
export async function verifyEmail(
  context: Deps,
  { token, origin }: { token: string; origin: Origin },
): Promise<void> {
  const sought = { hash: hashMailToken(token), purposes: PURPOSES, now: context.clock.now() };
  const found = await findMailToken(context.db, sought);
  if (!found) throw invalidLink();
  await context.db.transaction().execute(async (tx) => {
    // The account before its token, in the order of everything that locks both.
    const locked = await findSignInAccountForUpdate(tx, found.accountId);
    const taken = locked && (await takeMailToken(tx, sought));
    if (!taken) throw invalidLink();
    const { account } = locked;
    const { accountId } = account;
    if (taken.purpose === "change-email")
      return changeEmail(tx, context, { account, to: taken.email, origin });
    // A link that was mailed to an address proves no other.
    if (foldEmail(taken.email) !== foldEmail(account.email)) throw invalidLink();
    await updateEmail(tx, accountId, { email: account.email, verifiedAt: context.clock.now() });
    await recordAudit(tx, context, { accountId, type: "email-verified", origin });
    await tellUpdated(tx, context, accountId);
  });
}

async function changeEmail(
  tx: Transaction<AccountDatabase>,
  context: Deps,
  { account, to, origin }: { account: Owner; to: string; origin: Origin },
): Promise<void> {
  const { accountId } = account;
  await updateEmail(tx, accountId, { email: to, verifiedAt: context.clock.now() });
  // Links that lie in the mailbox of the former address open nothing any more.
  await deleteMailTokens(tx, accountId, ["verify-email", "reset-password"]);
  await recordAudit(tx, context, { accountId, type: "email-changed", origin });
  await tellUpdated(tx, context, accountId);
  await appendEvents(tx, context, [
    ownerNotice(account, "email-changed", origin.client),
    ownerNotice({ ...account, email: to }, "email-changed", origin.client),
  ]);
}

function invalidLink(): AppError {
  return new AppError(
    "challenge_invalid",
    "This link has been used, replaced, or is too old. Ask for a new one.",
  );
}

import { AppError } from "@sotto/platform/app-error";
import { hasMark, lockAccount } from "../accounts/account-queries.ts";
import { deletedAccountMark } from "../accounts/deleted-account-mark.ts";
import type { NotificationContext } from "../context.ts";
import { deleteUnsentDigests } from "../email/queue-digest.ts";
import { putPreferences } from "../preferences/preference-queries.ts";
import { accountOfToken } from "./unsubscribe-token.ts";

/**
 * Switches the digests of the token's account off, and takes back those that were not sent. Idempotent, and the same
 * for an account that is gone, of which nothing is written down again.
 * @throws AppError `bad_request` when the token was not made here.
 */
export async function unsubscribe(
  { db, clock, unsubscribeKey }: Pick<NotificationContext, "db" | "clock" | "unsubscribeKey">,
  token: string,
): Promise<void> {
  const accountId = accountOfToken(unsubscribeKey, token);
  if (accountId === undefined) throw new AppError("bad_request", "The token is not one of this server.");
  await db.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId);
    if (await hasMark(tx, deletedAccountMark(accountId))) return;
    await putPreferences(tx, accountId, { email_digest: false }, clock.now());
    await deleteUnsentDigests(tx, accountId);
  });
}

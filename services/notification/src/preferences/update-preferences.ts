import type { NotificationPreferences } from "@sotto/contracts/preferences-api";
import { AppError } from "@sotto/platform/app-error";
import { lockAccount } from "../accounts/account-queries.ts";
import { requireAccount } from "../accounts/require-account.ts";
import { isTimeZone } from "../attention/quiet-hours.ts";
import type { NotificationContext } from "../context.ts";
import { deleteUnsentDigests } from "../email/queue-digest.ts";
import { deleteUnsentPushes } from "../push/queue-push.ts";
import { getPreferences, putPreferences } from "./preference-queries.ts";
import { type PreferencesChange, toStored, toWire } from "./wire-preferences.ts";

/**
 * Changes the preferences that are given and answers all of them. What waits to be sent by a channel that is switched off
 * is not sent.
 * @throws AppError `rate_limited`; `bad_request` for a time zone that does not exist; `session_revoked` when the account
 * is gone.
 */
export async function updatePreferences(
  { db, clock, limits }: Pick<NotificationContext, "db" | "clock" | "limits">,
  { accountId }: { accountId: string },
  change: PreferencesChange,
): Promise<NotificationPreferences> {
  await requireAccount(db, accountId);
  await limits.take("preferences.account", accountId);
  if (change.timeZone && !isTimeZone(change.timeZone)) {
    throw new AppError("bad_request", "There is no such time zone.", {
      issues: [{ path: "timeZone", message: "must be a name in the time zone database of IANA" }],
    });
  }
  return db.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId);
    await requireAccount(tx, accountId);
    await putPreferences(tx, accountId, toStored(change), clock.now());
    if (change.push === false) await deleteUnsentPushes(tx, accountId);
    if (change.emailDigest === false) await deleteUnsentDigests(tx, accountId);
    return toWire(await getPreferences(tx, accountId));
  });
}

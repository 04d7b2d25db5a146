import type { NotificationPreferences } from "@sotto/contracts/preferences-api";
import { requireAccount } from "../accounts/require-account.ts";
import type { NotificationContext } from "../context.ts";
import { getPreferences } from "./preference-queries.ts";
import { toWire } from "./wire-preferences.ts";

/**
 * What an account wants to be told, and when; the defaults where it has not said.
 * @throws AppError `rate_limited`; `session_revoked` when the account is gone.
 */
export async function showPreferences(
  { db, limits }: Pick<NotificationContext, "db" | "limits">,
  { accountId }: { accountId: string },
): Promise<NotificationPreferences> {
  await requireAccount(db, accountId);
  await limits.take("preferences.account", accountId);
  return toWire(await getPreferences(db, accountId));
}
